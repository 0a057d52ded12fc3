import assert from 'node:assert/strict';
import { test } from 'node:test';
import { histogramOffset } from '../../../../src/receivers/scheduler/abi.ts';
import { waitClasses } from '../../../../src/receivers/scheduler/source.ts';
import { finishNow } from '../../../../src/receivers/scheduler/steps.ts';
import { cgroupOf, type FakeScheduler } from './fake-scheduler.ts';
import { abi, writeBigint } from './plain-abi.ts';
import { advance, find, other, setUp, stolen, waitOf, waits } from './totals-fixture.ts';

test('retired cell: totals between the last reading and the removal are counted', () => {
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

test('retired cell: a record that precedes its copy is not counted twice', () => {
  const { kernel, totals } = setUp();
  const former = cgroupOf(kernel.occupant(1));
  kernel.wait(0, 1, other(10));
  const stale = kernel.copy();
  advance({ kernel, totals }, () => {
    kernel.recycle(1, false);
    kernel.claim(0, 1);
    kernel.deliver(totals);
    return stale;
  });
  assert.equal(waitOf(finishNow(totals.take()).cgroups, former), 10);
});

test('retired cell: a copy older than two records is not counted again', () => {
  const { kernel, totals } = setUp();
  const first = cgroupOf(kernel.occupant(1));
  kernel.wait(0, 1, other(10));
  const stale = kernel.copy();
  advance({ kernel, totals }, () => {
    for (let i = 0; i < 2; i++) {
      kernel.recycle(1, false);
      kernel.claim(0, 1);
    }
    kernel.deliver(totals);
    return stale;
  });
  assert.equal(waitOf(finishNow(totals.take()).cgroups, first), 10);
});

test('retired cell: a late record adds only its growth since the last reading', () => {
  const { kernel, totals, read } = setUp();
  const former = cgroupOf(kernel.occupant(1));
  kernel.wait(0, 1, other(10));
  read();
  kernel.wait(0, 1, other(5));
  kernel.recycle(1, false);
  kernel.wait(0, 1, other(3));
  advance({ kernel, totals }, () => kernel.copy());
  assert.equal(waitOf(finishNow(totals.take()).cgroups, former), 0);
  assert.equal(waitOf(read().cgroups, former), 5);
});

test('retired cell: late records of one cgroup from two CPUs are not counted twice', () => {
  const { kernel, totals, read } = setUp();
  const former = cgroupOf(kernel.occupant(1));
  kernel.wait(0, 1, other(10));
  kernel.wait(1, 1, other(20));
  read();
  kernel.recycle(1, false);
  kernel.claim(0, 1);
  advance({ kernel, totals }, () => kernel.copy());
  kernel.deliver(totals, 1);
  kernel.claim(1, 1);
  advance({ kernel, totals }, () => kernel.copy());
  finishNow(totals.take());
  assert.equal(waitOf(read().cgroups, former), 0, 'everything had been read before');
});

test('a histogram shared by two cgroups belongs to neither, and its counts are a loss', () => {
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

test('the cgroup after a removed and closed one in a slot has a histogram of its own', () => {
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

test('a removal reported after the slot is reused takes no counts of the new cgroup', () => {
  const { kernel, read } = setUp();
  const former = cgroupOf(kernel.occupant(1));
  kernel.wait(0, 1, other(10), 1);
  kernel.recycle(1);
  kernel.wait(1, 1, other(5), 2);
  const { cgroups, drops } = read();
  assert.equal(waits(find(cgroups, former)), 0);
  assert.equal(drops.histogram_contested, 2);
});

test('a wait of the last thread after a removal is not counted for the slot’s next cgroup', () => {
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

test('a wait in progress that ends after the removal is not counted for the slot’s next cgroup', () => {
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

test('counts of a cell first read while it is emptied do not go to the removed cgroup', () => {
  const { kernel, totals, read } = setUp();
  kernel.wait(1, 1, other(5), 2);
  kernel.recycle(1, false); // this removal has no event
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

test('a count between the copies of histogram and cell belongs to the slot’s new cgroup', () => {
  const { kernel, totals, read } = setUp();
  const former = cgroupOf(kernel.occupant(1));
  kernel.wait(0, 1, other(10), 1);
  advance({ kernel, totals }, () =>
    kernel.copy(kernel.maps, () => {
      kernel.recycle(1, false);
      kernel.wait(1, 1, other(5), 2);
    }),
  );
  const first = finishNow(totals.take());
  const second = read();
  assert.ok(
    ![first, second].some(({ cgroups }) => cgroups.some((of) => of.cgroup === former && of.buckets.has(2))),
  );
});

test('a cell read before its cgroup id is written has no cgroup `0`', () => {
  const { kernel, index, totals } = setUp();
  kernel.beginClaim(0, 1, 16);
  advance({ kernel, totals }, () => kernel.copy());
  assert.deepEqual(finishNow(totals.take()), { cgroups: [], otherKept: new Map(), otherWhole: new Map() });
  assert.equal(index.find(kernel.occupant(1)), undefined);
});

test('a cgroup that loses and regains the cpu controller is one cgroup', () => {
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

test('stolen time in a retired cell is split by the latest shares of its CPU', () => {
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
