/**
 * How often are verdicts of a confidence right?
 *
 *     bench/reliability.ts [windows] [seed]    by default 30,000 and 1
 *
 * Made windows whose truth is known, after waits were lost, sampled or made nameless. A verdict is right where it and its
 * culprit are, in truth, at least 80 % as long as the longest.
 */
import { judgedWindows, reliability } from '../test/unit/connectors/noisy-neighbor/judged-windows.ts';

const [windows = 30_000, seed = 1] = process.argv.slice(2).map(Number);
const all = judgedWindows(windows, seed);
const percent = (part: number) => (100 * part).toFixed(1).padStart(5);
const width = 50;

console.log(`${windows} windows, ${windows - all.length} undetermined\n`);
console.log('confidence    verdicts   mean  right  (# right, | mean confidence)');
for (const { from, count, confidence, right } of reliability(all)) {
  const bar = '#'.repeat(Math.round(width * right)).padEnd(width);
  const at = Math.min(width - 1, Math.round(width * confidence));
  console.log(
    `${from.toFixed(1)} to ${(from + 0.1).toFixed(1)}  ${String(count).padStart(9)}  ${percent(confidence)}  ${percent(right)}  ${bar.slice(0, at)}|${bar.slice(at + 1)}`,
  );
}
