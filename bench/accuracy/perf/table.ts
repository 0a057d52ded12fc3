import { type Comparison, judgedFrom, type Share } from './compare.ts';
import type { Round } from './perf.ts';

const signed = (value: number) =>
  Math.abs(value) < 0.005 ? '0' : `${value > 0 ? '+' : '−'}${Math.abs(value).toFixed(2)}`;
const share = ({ name, actual, error }: Share) => `${name} ${actual.toFixed(2)} ${signed(error)}`;

/** A cgroup of a round. */
export function lineOf(of: Comparison): string {
  const totals = `wait ${(of.wait / 1e9).toFixed(3)} s ${signed(of.waitError)} % (${Math.round(of.offset)} ns a wait), ${of.waits} waits ${signed(of.waitsError)} % (${of.unbegun} without a begin), ran ${(of.run / 1e9).toFixed(3)} s ${signed(of.runError)} %`;
  const culprits = of.culprits.filter(({ actual, error }) => actual >= 1 || Math.abs(error) >= 0.1);
  const unjudged = of.wait < judgedFrom ? ' (too short to be judged)' : '';
  return `${of.cgroup}${unjudged}: ${totals}; ${of.kinds.map(share).join(', ')}; by ${culprits.map(share).join(', ')}; unknown ${of.unknown.toFixed(2)}, stolen ${of.stolen.toFixed(2)}`;
}

/** Markdown: a row a load, the largest error of any cgroup and round. */
export function summaryOf(rounds: readonly Round[]): readonly string[] {
  const row = (name: string, of: readonly Round[]) => {
    const judged = of.flatMap(({ comparisons }) => comparisons).filter(({ wait }) => wait >= judgedFrom);
    const largest = (errors: (of: Comparison) => readonly number[]) =>
      signed(
        judged
          .flatMap(errors)
          .reduce((worst, error) => (Math.abs(error) > Math.abs(worst) ? error : worst), 0),
      );
    const wait = judged.reduce((sum, { wait }) => sum + wait, 0);
    const mean = wait / judged.reduce((sum, { waits }) => sum + waits, 0) / 1e3;
    return [
      of.every(({ isJudged }) => isJudged) ? name : `${name} (shown only)`,
      String(judged.length),
      `${Math.round(mean)}`,
      largest(({ waitError }) => [waitError]),
      largest(({ waitsError }) => [waitsError]),
      largest(({ run, runError }) => (run >= judgedFrom ? [runError] : [])),
      largest(({ kinds }) => kinds.map(({ error }) => error)),
      largest(({ culprits }) => culprits.map(({ error }) => error)),
      largest(({ unknown }) => [unknown]),
    ];
  };
  const head = [
    'load',
    'judged',
    'wait %',
    'waits %',
    'run %',
    'cause points',
    'culprit points',
    'unknown points',
  ];
  const byLoad = Map.groupBy(rounds, ({ load }) => load);
  return [
    `| ${head.join(' | ')} |`,
    `| --- |${' ---: |'.repeat(head.length - 1)}`,
    ...[...byLoad].map(([load, of]) => `| ${row(load, of).join(' | ')} |`),
  ];
}
