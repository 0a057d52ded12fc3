import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clockOffset } from '../../../src/machine/clock-offset.ts';

const ahead = 1_000_000_000n;

/** Clocks of a process that loses its CPU for the given times, ns, before each reading of the wall clock. */
function clocks(pauses: readonly bigint[]) {
  let time = 5_000n;
  let readings = 0;
  return {
    monotonic: () => time,
    now: () => {
      time += pauses[readings++ % pauses.length] ?? 0n;
      return time + ahead;
    },
  };
}

test('clock offset: a pair of readings with a pause in between is read again', () => {
  assert.equal(clockOffset(clocks([50_000_000n, 3_000_000n, 0n])), ahead);
});

test('clock offset: the closest pair counts where none is close', () => {
  assert.equal(clockOffset(clocks([50_000_000n, 200_000n])), ahead + 200_000n);
});
