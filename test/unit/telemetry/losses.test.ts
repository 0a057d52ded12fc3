import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LossLedger } from '../../../src/telemetry/losses.ts';

test('losses add up by reason, and are taken once', () => {
  const losses = new LossLedger();
  losses.add('ring_full', 3);
  losses.add('pair_full');
  losses.add('ring_full');
  assert.deepEqual(losses.take(), { ring_full: 4, pair_full: 1 });
  assert.deepEqual(losses.take(), {});
});

test('a loss of nothing is no loss', () => {
  const losses = new LossLedger();
  losses.add('ring_full', 0);
  assert.deepEqual(losses.take(), {});
});
