import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diagnose } from '../../../../src/connectors/noisy-neighbor/diagnose.ts';
import { windowOf } from '../../../../src/connectors/noisy-neighbor/window.ts';
import { usualOr } from '../../../lab/thorough.ts';
import { settings } from './connector.ts';
import { isRight, madeWindow } from './made-windows.ts';
import { windowBatch } from './windows.ts';

/** A generator of numbers in [0, 1) from a seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Main verdicts of made windows: confidence, and whether they are right; undetermined ones are left out. */
function judged(count: number, seed: number) {
  const config = settings();
  const random = randomFrom(seed);
  return Array.from({ length: count }, () => madeWindow(random)).flatMap((made) => {
    const window = windowOf(windowBatch(0, { web: made.observed })) ?? assert.fail('no window');
    const [victim] = window.workloads;
    const [main] = victim ? diagnose(victim, window, { config, losses: made.losses, named: new Set() }) : [];
    if (!main || main.explanation.verdict === 'undetermined') return [];
    const { verdict, main: culprit } = main.explanation;
    return [{ confidence: main.confidence.value, isRight: isRight(made, verdict, culprit?.culprit.name) }];
  });
}

test('of verdicts with a confidence of 0.9 or more at least 99 % are right, whatever was lost', (t) => {
  const count = usualOr(3000, 30_000);
  const all = judged(count, 1);
  for (let from = 0; from < 1; from += 0.1) {
    const some = all.filter(({ confidence }) => confidence >= from && confidence < from + 0.1);
    const right = some.filter((of) => of.isRight).length;
    t.diagnostic(
      `${from.toFixed(1)}: ${some.length} verdicts, ${((100 * right) / some.length).toFixed(1)} % right`,
    );
  }
  const certain = all.filter(({ confidence }) => confidence >= 0.9);
  const wrong = certain.filter((of) => !of.isRight).length;
  assert.ok(certain.length > 0.1 * count, `only ${certain.length} of ${count} are certain`);
  assert.ok(wrong <= 0.01 * certain.length, `${wrong} of ${certain.length} are wrong`);
});
