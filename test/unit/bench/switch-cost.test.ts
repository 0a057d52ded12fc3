import assert from 'node:assert/strict';
import { test } from 'node:test';
import { costOf } from '../../../bench/switch-cost.ts';
import type { ProgramCost, Trial } from '../../../bench/trial.ts';

const trial = (...programs: readonly ProgramCost[]): Trial => ({
  variant: 'earshot',
  load: 'pingpong',
  seconds: 2,
  rate: 1,
  programs,
});

const empty = trial({ name: 'on_switch', ns: 5000, runs: 100 }, { name: 'on_wakeup', ns: 2000, runs: 50 });

test('the cost of all programs is divided by switches, gross and net', () => {
  const cost = costOf(
    trial({ name: 'on_switch', ns: 20_000, runs: 200 }, { name: 'on_wakeup', ns: 10_000, runs: 100 }),
    empty,
  );
  assert.deepEqual(cost, { gross: 150, net: 150 - 50 - 20, switchesPerSecond: 100 });
});

test('a variant is not credited with hooks it does not have', () => {
  assert.equal(costOf(trial({ name: 'on_switch', ns: 20_000, runs: 200 }), empty).net, 50);
});

test('a hook the empty variant lacks counts as an empty one on the switch', () => {
  const cost = costOf(
    trial({ name: 'on_switch', ns: 1000, runs: 10 }, { name: 'on_fork', ns: 100, runs: 1 }),
    empty,
  );
  assert.equal(cost.net, (1000 + 100 - 10 * 50 - 50) / 10);
});

test('empty programs cost nothing net', () => {
  assert.equal(costOf(empty, empty).net, 0);
});
