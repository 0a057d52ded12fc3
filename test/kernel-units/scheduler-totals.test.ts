import assert from 'node:assert/strict';
import { test } from 'node:test';
import { histogramOffset } from '../../src/kernel/scheduler-abi.ts';
import { type CgroupReading, type Waiter, waitClasses } from '../../src/kernel/scheduler-source.ts';
import { SchedulerTotals } from '../../src/kernel/scheduler-totals.ts';
import type { StolenTime } from '../../src/kernel/stolen-shares.ts';
import { WhoIndex } from '../../src/kernel/who-index.ts';
import { cgroupOf, FakeScheduler } from './fake-scheduler.ts';
import { abi, writeBigint } from './plain-abi.ts';

const size = { rows: 3, slots: 3, histogramCopies: 2 };

function setUp(stolen: StolenTime = { irq: false, steal: true }) {
  const kernel = new FakeScheduler(size);
  const index = new WhoIndex(100);
  const totals = new SchedulerTotals(abi, size, stolen, index);
  /** Copy, then the ring, as the live source reads. */
  const read = () => {
    totals.advance(() => {
      const copy = kernel.copy();
      kernel.deliver(totals);
      return copy;
    });
    const { cgroups, drops } = totals.take();
    return { cgroups, drops };
  };
  return { kernel, index, totals, read };
}

const other = (ns: number | bigint) => [0n, BigInt(ns), 0n, 0n, 0n, 0n, 0n];
const stolen = (ns: number) => [0n, 0n, 0n, 0n, 0n, BigInt(ns), 0n];

function find(readings: readonly CgroupReading[], cgroup: Waiter): CgroupReading {
  const found = readings.find((reading) => reading.cgroup === cgroup);
  assert.ok(found, `nothing was read of ${cgroup}`);
  return found;
}
const waitOf = (readings: readonly CgroupReading[], cgroup: Waiter) =>
  readings.find((reading) => reading.cgroup === cgroup)?.wait ?? 0;
const waits = ({ buckets, zeroCount }: CgroupReading) =>
  [...buckets.values()].reduce((a, b) => a + b, 0) + zeroCount;

test('a reading holds what happened since the one before, over all CPUs', () => {
  const { kernel, read } = setUp();
  const cgroup = cgroupOf(kernel.occupant(1));
  kernel.wait(0, 1, other(10));
  kernel.wait(1, 1, other(5));
  assert.equal(find(read().cgroups, cgroup).wait, 15);
  kernel.wait(1, 1, other(7));
  assert.equal(find(read().cgroups, cgroup).classes.other, 7);
  assert.deepEqual(read(), { cgroups: [], drops: {} });
});

const times = (readings: readonly CgroupReading[], cgroup: Waiter) => {
  const reading = readings.find((it) => it.cgroup === cgroup);
  return [reading?.wait ?? 0, reading?.completed ?? 0];
};

test('a wait that goes on is read as it passes, each nanosecond once, and as a whole when it has ended', () => {
  const { kernel, read } = setUp();
  const cgroup = cgroupOf(kernel.occupant(1));
  kernel.progress(1, other(10), 7);
  const first = find(read().cgroups, cgroup);
  assert.deepEqual([first.wait, first.completed, first.classes.other, waits(first)], [10, 0, 10, 0]);
  kernel.progress(1, other(5), 7);
  assert.deepEqual(times(read().cgroups, cgroup), [5, 0]);
  assert.deepEqual(read().cgroups, [], 'nothing has passed since');
  kernel.wait(1, 1, other(2), 3, { thread: 7 });
  const last = find(read().cgroups, cgroup);
  assert.deepEqual([last.wait, last.completed, waits(last)], [2, 17, 1]);
});

test('a wait all of which was read while it went on has nothing left but its end', () => {
  const { kernel, read } = setUp();
  const cgroup = cgroupOf(kernel.occupant(1));
  kernel.progress(1, other(10), 7);
  read();
  kernel.wait(0, 1, other(0), 3, { thread: 7 });
  const { cgroups } = read();
  assert.deepEqual(times(cgroups, cgroup), [0, 10]);
  assert.equal(waits(find(cgroups, cgroup)), 1);
});

test('a wait whose thread goes to another cgroup has passed for the one and ends for the other', () => {
  const { kernel, read } = setUp();
  const [former, latter] = [cgroupOf(kernel.occupant(1)), cgroupOf(kernel.occupant(2))];
  kernel.progress(1, other(10), 7);
  kernel.wait(0, 2, other(1), 0, { thread: 7 });
  const { cgroups } = read();
  assert.deepEqual(
    [times(cgroups, former), times(cgroups, latter)],
    [
      [10, 0],
      [1, 11],
    ],
  );
  // and back: what is in progress in a cell was negative, and is positive again
  kernel.progress(2, other(20), 8);
  kernel.beginMove(0, 2, other(30), 8);
  kernel.finish(0);
  assert.deepEqual(times(read().cgroups, latter), [50, 0]);
  kernel.wait(0, 1, other(0), 0, { thread: 8 });
  assert.deepEqual(times(read().cgroups, former), [0, 50]);
});

test('a slot that goes to another cgroup while a wait is in progress takes nothing along', () => {
  const { kernel, read } = setUp();
  const former = cgroupOf(kernel.occupant(1));
  kernel.progress(1, other(10), 7);
  read();
  kernel.progress(1, other(4), 7);
  kernel.recycle(1);
  kernel.progress(1, other(3), 8);
  const { cgroups } = read();
  assert.deepEqual(times(cgroups, former), [4, 0]);
  assert.deepEqual(times(cgroups, cgroupOf(kernel.occupant(1))), [3, 0]);
});

test('a cell copied while it is emptied does not make ended waits of those in progress, nor the other way', () => {
  const { kernel, totals, read } = setUp();
  const former = cgroupOf(kernel.occupant(1));
  kernel.beginMove(0, 1, other(5), 7);
  kernel.finish(0);
  kernel.recycle(1, false);
  kernel.beginClaim(0, 1, 9); // all its times are 0, and what is in progress is not yet
  totals.advance(() => kernel.copy());
  assert.deepEqual(totals.take().cgroups, []);
  kernel.finish(0);
  assert.deepEqual(times(read().cgroups, former), [5, 0]);
});

test('run time and preemptions come without any wait', () => {
  const { kernel, read } = setUp();
  kernel.run(0, 1, 40n);
  kernel.preempt(0, 1, 3);
  const reading = find(read().cgroups, cgroupOf(kernel.occupant(1)));
  assert.deepEqual([reading.run, reading.preemptedBySelf, reading.wait], [40, 3, 0]);
});

test('kernel threads are read as `kernel`', () => {
  const { kernel, read } = setUp();
  kernel.wait(0, 0, other(9));
  assert.equal(find(read().cgroups, 'kernel').wait, 9);
});

test('totals beyond 2^53 lose not a nanosecond', () => {
  const { kernel, read } = setUp();
  const cgroup = cgroupOf(kernel.occupant(1));
  for (let round = 0; round < 6; round++) {
    kernel.wait(0, 1, other(2n ** 52n));
    read();
  }
  kernel.wait(0, 1, other(3));
  assert.equal(find(read().cgroups, cgroup).wait, 3);
});

test('a u32 counter that wraps goes on counting', () => {
  const { kernel, read } = setUp();
  const cgroup = cgroupOf(kernel.occupant(1));
  for (const times of [2 ** 31 - 1, 2 ** 31 - 1, 1]) {
    kernel.preempt(0, 1, times);
    read();
  }
  kernel.count(0, 1, 2, 2 ** 32 - 1);
  read();
  kernel.preempt(0, 1, 5);
  kernel.wait(0, 1, other(1), 2);
  const reading = find(read().cgroups, cgroup);
  assert.equal(reading.preemptedBySelf, 5);
  assert.deepEqual([...reading.buckets], [[2 + histogramOffset, 1]]);
});

test('histogram copies add up, buckets by their OpenTelemetry index and too short waits apart', () => {
  const { kernel, read } = setUp();
  kernel.wait(0, 1, other(1), 3);
  kernel.wait(1, 1, other(1), 3);
  kernel.wait(1, 1, other(1), abi.buckets);
  const { buckets, zeroCount } = find(read().cgroups, cgroupOf(kernel.occupant(1)));
  assert.deepEqual([...buckets], [[3 + histogramOffset, 2]]);
  assert.equal(zeroCount, 1);
});

test('a wait of no length at all is counted, and never for who comes after', () => {
  const { kernel, read } = setUp();
  const former = cgroupOf(kernel.occupant(1));
  kernel.wait(0, 1, other(0), abi.buckets);
  assert.equal(find(read().cgroups, former).zeroCount, 1);
  kernel.wait(0, 1, other(0), abi.buckets);
  kernel.recycle(1);
  kernel.wait(0, 1, other(4), 1);
  assert.equal(find(read().cgroups, cgroupOf(kernel.occupant(1))).zeroCount, 0);
});

test('a cell copied in the middle of a wait is copied again', () => {
  const { kernel, totals } = setUp();
  kernel.beginWait(0, 1, other(10), 0);
  let copies = 0;
  totals.advance(() => {
    if (++copies === 3) kernel.finish(0);
    return kernel.copy();
  });
  assert.equal(copies, 3);
  const { cgroups, drops } = totals.take();
  assert.equal(waitOf(cgroups, cgroupOf(kernel.occupant(1))), 10);
  assert.deepEqual(drops, {});
});

test('a cell that never sums up is left to the next reading, whole, and the delay is counted', () => {
  const { kernel, read } = setUp();
  const cgroup = cgroupOf(kernel.occupant(1));
  kernel.beginWait(0, 1, other(10), 0);
  const first = read();
  assert.equal(waitOf(first.cgroups, cgroup), 0);
  assert.deepEqual(first.drops, { reading_delayed: 1 });
  kernel.finish(0);
  assert.equal(waitOf(read().cgroups, cgroup), 10);
});

test('what a cgroup did between the last reading and its end comes with the record of its cell', () => {
  const { kernel, read } = setUp();
  const former = cgroupOf(kernel.occupant(1));
  kernel.wait(0, 1, other(10));
  read();
  kernel.wait(0, 1, other(5));
  kernel.recycle(1);
  kernel.wait(0, 1, other(3));
  const { cgroups } = read();
  assert.equal(waitOf(cgroups, former), 5);
  assert.equal(waitOf(cgroups, cgroupOf(kernel.occupant(1))), 3);
});

test('a record that comes before its copy is not counted twice', () => {
  const { kernel, totals } = setUp();
  const former = cgroupOf(kernel.occupant(1));
  kernel.wait(0, 1, other(10));
  const stale = kernel.copy();
  totals.advance(() => {
    kernel.recycle(1, false);
    kernel.claim(0, 1);
    kernel.deliver(totals);
    return stale;
  });
  assert.equal(waitOf(totals.take().cgroups, former), 10);
});

test('a copy older than two records of its cell is not counted again', () => {
  const { kernel, totals } = setUp();
  const first = cgroupOf(kernel.occupant(1));
  kernel.wait(0, 1, other(10));
  const stale = kernel.copy();
  totals.advance(() => {
    for (let i = 0; i < 2; i++) {
      kernel.recycle(1, false);
      kernel.claim(0, 1);
    }
    kernel.deliver(totals);
    return stale;
  });
  assert.equal(waitOf(totals.take().cgroups, first), 10);
});

test('a record that comes one reading late adds only what was not read before', () => {
  const { kernel, totals, read } = setUp();
  const former = cgroupOf(kernel.occupant(1));
  kernel.wait(0, 1, other(10));
  read();
  kernel.wait(0, 1, other(5));
  kernel.recycle(1, false);
  kernel.wait(0, 1, other(3));
  totals.advance(() => kernel.copy());
  assert.equal(waitOf(totals.take().cgroups, former), 0);
  assert.equal(waitOf(read().cgroups, former), 5);
});

test('late records of one cgroup from two CPUs are told apart by age', () => {
  const { kernel, totals, read } = setUp();
  const former = cgroupOf(kernel.occupant(1));
  kernel.wait(0, 1, other(10));
  kernel.wait(1, 1, other(20));
  read();
  kernel.recycle(1, false);
  kernel.claim(0, 1);
  totals.advance(() => kernel.copy());
  kernel.deliver(totals, 1);
  kernel.claim(1, 1);
  totals.advance(() => kernel.copy());
  totals.take();
  assert.equal(waitOf(read().cgroups, former), 0, 'everything had been read before');
});

test('a histogram that two cgroups counted in is nobody’s, and its counts are counted as lost', () => {
  const { kernel, read } = setUp();
  kernel.wait(0, 1, other(10), 1);
  kernel.recycle(1);
  kernel.wait(0, 1, other(5), 2);
  const { cgroups, drops } = read();
  assert.deepEqual(
    cgroups.map((reading) => waits(reading)),
    [0, 0],
  );
  assert.deepEqual(drops, { histogram_contested: 2 });
});

test('who comes after a removed cgroup that was settled has a histogram of its own', () => {
  const { kernel, totals, read } = setUp();
  const former = cgroupOf(kernel.occupant(1));
  kernel.wait(0, 1, other(10), 1);
  kernel.remove(1);
  kernel.deliver(totals);
  kernel.recycle(1, false);
  kernel.wait(1, 1, other(5), 2);
  const { cgroups, drops } = read();
  assert.deepEqual([...find(cgroups, former).buckets], [[1 + histogramOffset, 1]]);
  assert.deepEqual([...find(cgroups, cgroupOf(kernel.occupant(1))).buckets], [[2 + histogramOffset, 1]]);
  assert.deepEqual(drops, {});
});

test('a removal that is learnt of only when the slot has a new owner does not give away the owner’s counts', () => {
  const { kernel, read } = setUp();
  const former = cgroupOf(kernel.occupant(1));
  kernel.wait(0, 1, other(10), 1);
  kernel.recycle(1);
  kernel.wait(1, 1, other(5), 2);
  const { cgroups, drops } = read();
  assert.equal(waits(find(cgroups, former)), 0);
  assert.equal(drops.histogram_contested, 2);
});

test('a wait of a cgroup’s last thread after its removal is not given to who comes next', () => {
  const { kernel, totals, read } = setUp();
  kernel.wait(0, 1, other(10), 1);
  kernel.remove(1);
  kernel.deliver(totals);
  kernel.wait(0, 1, other(1), 0);
  kernel.recycle(1, false);
  kernel.wait(1, 1, other(5), 2);
  const { cgroups, drops } = read();
  assert.equal(waits(find(cgroups, cgroupOf(kernel.occupant(1)))), 0);
  assert.equal(drops.histogram_contested, 2);
});

test('nor is one that was read as it passed, and of which only the end comes after the removal', () => {
  const { kernel, totals, read } = setUp();
  kernel.progress(1, other(10), 7);
  read();
  kernel.remove(1);
  kernel.deliver(totals);
  kernel.wait(0, 1, other(0), 0, { thread: 7 });
  kernel.recycle(1, false);
  kernel.wait(1, 1, other(5), 2);
  const { cgroups, drops } = read();
  assert.equal(waits(find(cgroups, cgroupOf(kernel.occupant(1)))), 0);
  assert.equal(drops.histogram_contested, 2);
});

test('counts of a cell first seen while it is emptied are not given to who was removed meanwhile', () => {
  const { kernel, totals, read } = setUp();
  kernel.wait(1, 1, other(5), 2);
  kernel.recycle(1, false); // of this one nobody hears
  const removed = kernel.occupant(1);
  kernel.preempt(0, 1, 1);
  kernel.remove(1);
  kernel.recycle(1, false);
  kernel.beginClaim(1, 1, 15);
  kernel.deliver(totals, 1);
  const { cgroups, drops } = read();
  assert.equal(waits(find(cgroups, cgroupOf(removed))), 0);
  assert.equal(drops.histogram_contested, 1);
});

test('a count between the copies of histogram and cell belongs to who claimed the slot meanwhile', () => {
  const { kernel, totals, read } = setUp();
  const former = cgroupOf(kernel.occupant(1));
  kernel.wait(0, 1, other(10), 1);
  totals.advance(() =>
    kernel.copy(() => {
      kernel.recycle(1, false);
      kernel.wait(1, 1, other(5), 2);
    }),
  );
  const first = totals.take();
  const second = read();
  assert.ok(
    ![first, second].some(({ cgroups }) => cgroups.some((of) => of.cgroup === former && of.buckets.has(2))),
  );
});

test('a cell seen before its cgroup id was written names nobody `0`', () => {
  const { kernel, index, totals } = setUp();
  kernel.beginClaim(0, 1, 16);
  totals.advance(() => kernel.copy());
  assert.deepEqual(totals.take(), { cgroups: [], drops: {}, otherKept: new Map(), otherWhole: new Map() });
  assert.equal(index.find(kernel.occupant(1)), undefined);
});

test('a cgroup that lost and regained the cpu controller is one cgroup', () => {
  const { kernel, index, read } = setUp();
  kernel.wait(0, 1, other(10), 1);
  kernel.wait(0, 2, other(5), 1);
  writeBigint(kernel.maps.cells, 2 * abi.cell.size + abi.cell.cgroup, cgroupOf(kernel.occupant(1)));
  const { cgroups } = read();
  assert.equal(index.find(kernel.occupant(2)), cgroupOf(kernel.occupant(1)));
  assert.equal(cgroups.length, 1);
  assert.equal(cgroups[0]?.wait, 15);
  assert.deepEqual([...(cgroups[0]?.buckets ?? [])], [[1 + histogramOffset, 2]]);
});

test('drops of the kernel side are read by reason, as differences', () => {
  const { kernel, read } = setUp();
  const at = abi.cpu.size + abi.cpu.drops + 8 * abi.dropReasons.indexOf('pair_full');
  writeBigint(kernel.maps.cpus, at, 2n ** 54n + 3n);
  read();
  writeBigint(kernel.maps.cpus, at, 2n ** 54n + 10n);
  assert.deepEqual(read().drops, { pair_full: 7 });
});

const splits = [
  { title: 'neither: all of it is the hypervisor’s', kinds: { irq: false, steal: false }, irq: 0 },
  { title: 'only steal', kinds: { irq: false, steal: true }, irq: 0 },
  { title: 'only interrupts', kinds: { irq: true, steal: false }, irq: 1000 },
  { title: 'both, as the CPU had them', kinds: { irq: true, steal: true }, irq: 250 },
];
for (const { title, kinds, irq } of splits)
  test(`stolen time on a kernel that knows ${title}`, () => {
    const { kernel, read } = setUp(kinds);
    stealOn(kernel, { irq: 100n, total: 400n });
    kernel.wait(0, 1, stolen(1000));
    const { classes } = find(read().cgroups, cgroupOf(kernel.occupant(1)));
    assert.deepEqual([classes.irq, classes.steal], [irq, 1000 - irq]);
  });

test('stolen time in the record of a cell is split as it lately was on that CPU', () => {
  const { kernel, read } = setUp({ irq: true, steal: true });
  stealOn(kernel, { irq: 400n, total: 400n });
  kernel.wait(0, 1, stolen(1000));
  read();
  const former = cgroupOf(kernel.occupant(1));
  kernel.wait(0, 1, stolen(10));
  kernel.recycle(1);
  kernel.claim(0, 1);
  const { classes } = find(read().cgroups, former);
  assert.deepEqual([classes.irq, classes.steal], [10, 0]);
});

test('the classes of a reading are those of the contract', () => {
  const { kernel, read } = setUp();
  kernel.wait(0, 1, [1n, 2n, 3n, 4n, 5n, 6n, 7n]);
  const { classes } = find(read().cgroups, cgroupOf(kernel.occupant(1)));
  assert.deepEqual(Object.keys(classes).sort(), [...waitClasses].sort());
  assert.deepEqual(classes, {
    self: 1,
    other: 2,
    kernel: 3,
    idle: 4,
    throttled: 5,
    irq: 0,
    steal: 6,
    unknown: 7,
  });
});

function stealOn(
  kernel: FakeScheduler,
  { irq, total }: { readonly irq: bigint; readonly total: bigint },
): void {
  writeBigint(kernel.maps.cpus, abi.cpu.irq, irq);
  writeBigint(kernel.maps.cpus, abi.cpu.ring + abi.occupant.stolen, total);
}
