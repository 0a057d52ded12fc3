import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { noClasses, noSums, readingOf } from '../../../../src/receivers/scheduler/cgroup-sums.ts';
import type { CgroupReading, PairReading } from '../../../../src/receivers/scheduler/source.ts';
import { PairSurplus } from '../../../../src/receivers/scheduler/surplus.ts';
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
  const surplus = new PairSurplus();
  const otherWhole = new Map();
  return {
    settle: (cgroups: readonly CgroupReading[], pairs: readonly PairReading[]) =>
      surplus.settle(pairs, { cgroups, otherWhole }),
    takeForgotten: () => surplus.takeForgotten(),
  };
}

const othersOf = (pairs: readonly PairReading[]) => pairs.map(({ culprit, other }) => [culprit, other]);

test('pairs that fit their totals are told as they are', () => {
  const pairs = [pairOf(culprits[0], 5), pairOf(culprits[1], 0, 7)];
  assert.deepEqual(surplusOf().settle([victimWith(5, 8)], pairs), pairs);
});

test('what pairs have above the totals is told with the next reading, of those that had it', () => {
  const surplus = surplusOf();
  const first = surplus.settle([victimWith(60)], [pairOf(culprits[0], 90), pairOf(culprits[1], 30)]);
  assert.deepEqual(othersOf(first), [
    [culprits[0], 45],
    [culprits[1], 15],
  ]);
  const second = surplus.settle([victimWith(100)], [pairOf(culprits[1], 40)]);
  assert.deepEqual(othersOf(second).toSorted(), [
    [culprits[0], 45],
    [culprits[1], 55],
  ]);
});

test('a victim that has no totals yet has its pairs with the reading in which they come', () => {
  const surplus = surplusOf();
  assert.deepEqual(surplus.settle([], [pairOf(culprits[0], 9)]), []);
  assert.deepEqual(othersOf(surplus.settle([victimWith(9)], [])), [[culprits[0], 9]]);
});

test('what never comes is forgotten, and counted once', () => {
  const surplus = surplusOf();
  surplus.settle([], [pairOf(culprits[0], 9), pairOf(culprits[1], 1)]);
  assert.equal(surplus.takeForgotten(), 0);
  for (let i = 0; i < 3; i++) assert.deepEqual(surplus.settle([], []), []);
  assert.deepEqual([surplus.takeForgotten(), surplus.takeForgotten()], [2, 0]);
  assert.deepEqual(surplus.settle([victimWith(9)], []), []);
});

test('of time a part of which was stolen the pairs have the whole, until that part is taken from them', () => {
  const otherWhole = new Map([[victim, 60]]);
  const cgroups = [victimWith(40)];
  const settled = new PairSurplus().settle([pairOf(culprits[0], 60)], { cgroups, otherWhole });
  assert.deepEqual(othersOf(settled), [[culprits[0], 60]]);
});

test('two pairs of one name are one', () => {
  const surplus = surplusOf();
  surplus.settle([], [pairOf(culprits[0], 1)]);
  const settled = surplus.settle([victimWith(9)], [pairOf(culprits[0], 3), pairOf(culprits[0], 5)]);
  assert.deepEqual(othersOf(settled), [[culprits[0], 9]]);
});

test('however late pairs are copied: they never have more than the totals, and in the end as much', () => {
  const step = fc.record({ time: fc.nat(1000), early: fc.nat(1000), by: fc.nat(1) });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 20 }), (steps) => {
      const surplus = surplusOf();
      let told = 0;
      let had = 0;
      const total = steps.reduce((sum, { time }) => sum + time, 0);
      let early = 0; // of the totals to come, already in the pairs
      for (const [i, { time, early: wanted, by }] of steps.entries()) {
        const left = steps.slice(i + 1).reduce((sum, later) => sum + later.time, 0);
        const ahead = Math.min(wanted, left, steps[i + 1]?.time ?? 0);
        const inPairs = time - early + ahead;
        early = ahead;
        const settled = surplus.settle([victimWith(time)], [pairOf(culprits[by] ?? culprits[0], inPairs)]);
        const now = settled.reduce((sum, pair) => sum + pair.other, 0);
        assert.ok(now <= time, `${now} of ${time}`);
        told += now;
        had += time;
      }
      assert.equal(had, total);
      assert.ok(total - told <= 2 * steps.length, `${total - told} of ${total} never came`);
    }),
  );
});
