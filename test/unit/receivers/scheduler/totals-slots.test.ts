import assert from 'node:assert/strict';
import { test } from 'node:test';
import { histogramOffset } from '../../../../src/receivers/scheduler/abi.ts';
import { waitClasses } from '../../../../src/receivers/scheduler/source.ts';
import { cgroupOf, type FakeScheduler } from './fake-scheduler.ts';
import { abi, writeBigint } from './plain-abi.ts';
import { find, other, setUp, stolen, waitOf, waits } from './totals-fixture.ts';

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
