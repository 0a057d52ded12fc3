import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { noClasses, noSums, readingOf } from '../../../../src/receivers/scheduler/cgroup-sums.ts';
import type { CgroupReading, PairReading } from '../../../../src/receivers/scheduler/source.ts';
import { finishNow } from '../../../../src/receivers/scheduler/steps.ts';
import { PairSurplus } from '../../../../src/receivers/scheduler/surplus.ts';
import { LossLedger } from '../../../../src/telemetry/losses.ts';
import { cgroupId, nanoseconds } from '../../../../src/telemetry/units.ts';

const victim = cgroupId(1n);
const culprits = [cgroupId(2n), cgroupId(3n)] as const;

function victimWith(other: number, throttled = 0): CgroupReading {
  return readingOf(victim, {
    ...noSums(),
    wait: other + throttled,
    classes: { ...noClasses(), other, throttled },
  });
}

function pairOf(culprit: PairReading['culprit'], other: number, throttled = 0): PairReading {
  return {
    ...{ victim, culprit, preemptions: 0, last: nanoseconds(0) },
    ...{ other: nanoseconds(other), throttled: nanoseconds(throttled) },
  };
}

/** Without anything stolen. */
function surplusOf() {
  const losses = new LossLedger();
  const surplus = new PairSurplus(losses);
  const otherWhole = new Map();
  return {
    carryOver: (cgroups: readonly CgroupReading[], pairs: readonly PairReading[]) =>
      finishNow(surplus.carryOver(pairs, { cgroups, otherWhole })),
    takeForgotten: () => losses.take().pair_surplus ?? 0,
  };
}

const othersOf = (pairs: readonly PairReading[]) => pairs.map(({ culprit, other }) => [culprit, other]);

test('pairs within their totals are unchanged', () => {
  const pairs = [pairOf(culprits[0], 5), pairOf(culprits[1], 0, 7)];
  assert.deepEqual(surplusOf().carryOver([victimWith(5, 8)], pairs), pairs);
});

test('the excess of pairs over totals is carried to the next reading of the same pairs', () => {
  const surplus = surplusOf();
  const first = surplus.carryOver([victimWith(60)], [pairOf(culprits[0], 90), pairOf(culprits[1], 30)]);
  assert.deepEqual(othersOf(first), [
    [culprits[0], 45],
    [culprits[1], 15],
  ]);
  const second = surplus.carryOver([victimWith(100)], [pairOf(culprits[1], 40)]);
  assert.deepEqual(othersOf(second).toSorted(), [
    [culprits[0], 45],
    [culprits[1], 55],
  ]);
});

test('pairs of a victim without totals are carried to the reading that has them', () => {
  const surplus = surplusOf();
  assert.deepEqual(surplus.carryOver([], [pairOf(culprits[0], 9)]), []);
  assert.deepEqual(othersOf(surplus.carryOver([victimWith(9)], [])), [[culprits[0], 9]]);
});

test('an excess without totals is dropped and counted once', () => {
  const surplus = surplusOf();
  surplus.carryOver([], [pairOf(culprits[0], 9), pairOf(culprits[1], 1)]);
  assert.equal(surplus.takeForgotten(), 0);
  for (let i = 0; i < 3; i++) assert.deepEqual(surplus.carryOver([], []), []);
  assert.deepEqual([surplus.takeForgotten(), surplus.takeForgotten()], [2, 0]);
  assert.deepEqual(surplus.carryOver([victimWith(9)], []), []);
});

test('pairs contain stolen time until it is subtracted', () => {
  const otherWhole = new Map([[victim, 60]]);
  const cgroups = [victimWith(40)];
  const surplus = new PairSurplus(new LossLedger());
  const carried = finishNow(surplus.carryOver([pairOf(culprits[0], 60)], { cgroups, otherWhole }));
  assert.deepEqual(othersOf(carried), [[culprits[0], 60]]);
});

test('two pairs of the same victim and culprit become one', () => {
  const surplus = surplusOf();
  surplus.carryOver([], [pairOf(culprits[0], 1)]);
  const carried = surplus.carryOver([victimWith(9)], [pairOf(culprits[0], 3), pairOf(culprits[0], 5)]);
  assert.deepEqual(othersOf(carried), [[culprits[0], 9]]);
});

test('many pairs are divided in steps', () => {
  const pairs = Array.from({ length: 20_000 }, (_, i) => pairOf(cgroupId(BigInt(i + 2)), 2));
  const totals = { cgroups: [victimWith(20_000)], otherWhole: new Map() };
  const steps = [...new PairSurplus(new LossLedger()).carryOver(pairs, totals)];
  assert.ok(steps.length >= 9, `${steps.length} steps`);
});

test('pairs never exceed the totals, and converge to them, for any delay of copies', () => {
  const step = fc.record({ time: fc.nat(1000), early: fc.nat(1000), by: fc.nat(1) });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 20 }), (steps) => {
      const surplus = surplusOf();
      let reported = 0;
      let had = 0;
      const total = steps.reduce((sum, { time }) => sum + time, 0);
      let early = 0; // of the totals to come, already in the pairs
      for (const [i, { time, early: wanted, by }] of steps.entries()) {
        const left = steps.slice(i + 1).reduce((sum, later) => sum + later.time, 0);
        const ahead = Math.min(wanted, left, steps[i + 1]?.time ?? 0);
        const inPairs = time - early + ahead;
        early = ahead;
        const carried = surplus.carryOver([victimWith(time)], [pairOf(culprits[by] ?? culprits[0], inPairs)]);
        const now = carried.reduce((sum, pair) => sum + pair.other, 0);
        assert.ok(now <= time, `${now} of ${time}`);
        reported += now;
        had += time;
      }
      assert.equal(had, total);
      assert.ok(total - reported <= 2 * steps.length, `${total - reported} of ${total} never came`);
    }),
  );
});
