import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measureCost } from '../../../src/bpf/cost.ts';
import type { Native, NativeObject, ProgramInfo } from '../../../src/bpf/native.ts';

const object = {} as NativeObject;

/** Programs whose totals a test sets, and a clock. */
function fakeNative() {
  const state = { runs: [2n ** 60n, 0n], time: [2n ** 61n, 0n], now: 5n, on: false };
  const native: Partial<Native> = {
    enableStatistics: () => {
      state.on = true;
      return 7;
    },
    disableStatistics: (token) => {
      assert.equal(token, 7);
      state.on = false;
    },
    monotonic: () => state.now,
    programs: () =>
      ['on_switch', 'on_migrate'].map(
        (name, i) => ({ name, runCount: state.runs[i], runTimeNs: state.time[i] }) as ProgramInfo,
      ),
  };
  return { state, native: native as Native };
}

test('the cost of each program is its growth between begin and end, from any total', () => {
  const { state, native } = fakeNative();
  const measurement = measureCost(native, object);
  assert.equal(state.on, true);
  state.runs = [2n ** 60n + 9n, 1n];
  state.time = [2n ** 61n + 450n, 60n];
  state.now = 1_000_005n;
  assert.deepEqual(measurement.end(), {
    programs: [
      { name: 'on_switch', runs: 9, runTime: 450 },
      { name: 'on_migrate', runs: 1, runTime: 60 },
    ],
    elapsed: 1_000_000,
  });
  assert.equal(state.on, false);
});

test('refused statistics begin no measurement', () => {
  const { native } = fakeNative();
  const refused = {
    ...native,
    enableStatistics: () => {
      throw Object.assign(new Error('cannot enable statistics'), { code: 'EPERM' });
    },
  };
  assert.throws(() => measureCost(refused, object), { code: 'EPERM' });
});
