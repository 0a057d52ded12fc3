import assert from 'node:assert/strict';
import { test } from 'node:test';
import { usualOr } from '../../../lab/thorough.ts';
import { judgedWindows, reliability } from './judged-windows.ts';

test('of verdicts with a confidence of 0.9 or more at least 99 % are right, whatever was lost', (t) => {
  const count = usualOr(3000, 30_000);
  const all = judgedWindows(count, 1);
  for (const { from, count: some, right } of reliability(all))
    t.diagnostic(`${from.toFixed(1)}: ${some} verdicts, ${(100 * right).toFixed(1)} % right`);
  const certain = all.filter(({ confidence }) => confidence >= 0.9);
  const wrong = certain.filter((of) => !of.isRight).length;
  assert.ok(certain.length > 0.1 * count, `only ${certain.length} of ${count} are certain`);
  assert.ok(wrong <= 0.01 * certain.length, `${wrong} of ${certain.length} are wrong`);
  assert.equal(new Set(certain.map(({ verdict }) => verdict)).size, 10, 'each verdict has certain windows');
});
