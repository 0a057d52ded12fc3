import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lossReader } from '../../../src/bpf/losses.ts';

test('losses are read as differences by reason', () => {
  const totals: Record<string, number> = { ring_full: 3, pair_full: 0 };
  const read = lossReader({ losses: () => ({ ...totals }) });
  assert.deepEqual(read(), [['ring_full', 3]]);
  assert.deepEqual(read(), []);
  Object.assign(totals, { ring_full: 10, pair_full: 1 });
  assert.deepEqual(read(), [
    ['ring_full', 7],
    ['pair_full', 1],
  ]);
});
