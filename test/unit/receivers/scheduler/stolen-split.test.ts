import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Serials } from '../../../../src/cgroup/serials.ts';
import { blameOf } from '../../../../src/receivers/scheduler/blame.ts';
import { SerialIndex } from '../../../../src/receivers/scheduler/serial-index.ts';
import { type CgroupReading, waitClasses } from '../../../../src/receivers/scheduler/source.ts';
import { finishNow } from '../../../../src/receivers/scheduler/steps.ts';
import type { StolenTime } from '../../../../src/receivers/scheduler/stolen-shares.ts';
import { withoutStolen } from '../../../../src/receivers/scheduler/stolen-split.ts';
import { SchedulerTotals } from '../../../../src/receivers/scheduler/totals.ts';
import { LossLedger } from '../../../../src/telemetry/losses.ts';
import { cgroupOf, FakeScheduler } from './fake-scheduler.ts';
import { abi, writeBigint } from './plain-abi.ts';
import { pairReading, waitEvent } from './readings.ts';
import { advance } from './totals-fixture.ts';

const size = { rows: 3, slots: 4, histogramShift: 0, histogramCopies: 2 };
const neither: StolenTime = { irq: false, steal: false };

/** Shares of CPU 0; CPU 1 had nothing, so that nothing is known of waits on any of them. */
const onFirst = (irq: number, steal: number) => ({
  irq: Float64Array.of(irq, 0, 0),
  steal: Float64Array.of(steal, 0, 0),
});

function setUp(accounted = neither) {
  const kernel = new FakeScheduler(size);
  const index = new SerialIndex(new Serials(100));
  const totals = new SchedulerTotals({ abi, size, stolen: accounted, index, losses: new LossLedger() });
  const read = (shares = onFirst(0, 0)) => {
    advance(
      { kernel, totals },
      () => {
        const copy = kernel.copy();
        kernel.deliver(totals);
        return copy;
      },
      shares,
    );
    return finishNow(totals.take());
  };
  return { kernel, totals, read };
}

const parts = (...ns: number[]) => ns.map(BigInt);
const classesOf = (readings: readonly CgroupReading[], cgroup: bigint) =>
  readings.find((reading) => reading.cgroup === cgroup)?.classes;

test('the share is moved from self, other and kernel; idle, throttled, stolen and unknown stay', () => {
  const { kernel, read } = setUp();
  kernel.wait(0, 1, parts(100, 1000, 10, 500, 600, 50, 700));
  const { cgroups } = read(onFirst(0.1, 0.2));
  assert.deepEqual(classesOf(cgroups, cgroupOf(kernel.occupant(1))), {
    self: 70,
    other: 700,
    kernel: 7,
    idle: 500,
    throttled: 600,
    irq: 111,
    steal: 222 + 50,
    unknown: 700,
  });
});

test('a wait on a CPU without stolen time keeps its classes', () => {
  const { kernel, read } = setUp();
  kernel.wait(1, 1, parts(100, 1000, 10, 0, 0, 0, 0));
  const { cgroups, otherKept } = read(onFirst(0.5, 0.5));
  const classes = classesOf(cgroups, cgroupOf(kernel.occupant(1)));
  assert.deepEqual([classes?.other, classes?.irq, classes?.steal, otherKept.size], [1000, 0, 0, 0]);
});

test('waits of a removed or replaced cgroup are split by the shares of the same reading', () => {
  const { kernel, totals, read } = setUp();
  read(onFirst(0.5, 0));
  const replaced = cgroupOf(kernel.occupant(1));
  kernel.wait(0, 1, parts(0, 1000, 0, 0, 0, 0, 0));
  kernel.recycle(1);
  kernel.claim(0, 1);
  const removed = cgroupOf(kernel.occupant(2));
  kernel.wait(0, 2, parts(0, 1000, 0, 0, 0, 0, 0));
  kernel.remove(2);
  kernel.deliver(totals);
  const { cgroups } = read(onFirst(0, 0.1));
  for (const cgroup of [replaced, removed]) {
    const classes = classesOf(cgroups, cgroup);
    assert.deepEqual([classes?.other, classes?.irq, classes?.steal], [900, 0, 100]);
  }
});

test('what is retired after a reading has ended is the next one’s, and split by its shares', () => {
  const { kernel, totals, read } = setUp();
  read(onFirst(0, 0));
  const replaced = cgroupOf(kernel.occupant(1));
  kernel.wait(0, 1, parts(0, 1000, 0, 0, 0, 0, 0));
  advance({ kernel, totals }, () => kernel.copy());
  kernel.wait(0, 1, parts(0, 500, 0, 0, 0, 0, 0));
  kernel.recycle(1);
  kernel.claim(0, 1);
  kernel.deliver(totals);
  assert.equal(classesOf(finishNow(totals.take()).cgroups, replaced)?.other, 1000);
  const classes = classesOf(read(onFirst(0, 0.1)).cgroups, replaced);
  assert.deepEqual([classes?.other, classes?.steal], [450, 50]);
});

test('fractions of a nanosecond add up over readings', () => {
  const { kernel, read } = setUp();
  let irq = 0;
  for (let i = 0; i < 100; i++) {
    kernel.wait(0, 1, parts(0, 5, 0, 0, 0, 0, 0));
    irq += classesOf(read(onFirst(0.1, 0)).cgroups, cgroupOf(kernel.occupant(1)))?.irq ?? 0;
  }
  assert.equal(irq, 50);
});

test('shares of 100 % take no more than the wait, and the remainder is carried over', () => {
  const { kernel, read } = setUp();
  const waited = (ns: number, irq: number, steal: number) => {
    kernel.wait(0, 1, parts(0, ns, 0, 0, 0, 0, 0));
    const classes = classesOf(read(onFirst(irq, steal)).cgroups, cgroupOf(kernel.occupant(1)));
    return [classes?.other, classes?.irq, classes?.steal];
  };
  assert.deepEqual(waited(1, 0.5, 0.5), [1, 0, 0]);
  assert.deepEqual(waited(1, 0.5, 0.5), [0, 1, 0], 'both are due');
  assert.deepEqual(waited(10, 0.5, 0), [5, 5, 0], 'nothing was stolen since');
  assert.deepEqual(waited(10, 0, 0.5), [4, 0, 6]);
});

const wait = fc.record({
  cpu: fc.nat(1),
  slot: fc.nat(3),
  parts: fc.array(fc.oneof(fc.nat(3), fc.nat(1e10)), { minLength: 7, maxLength: 7 }),
  isLast: fc.boolean(),
});
const round = fc.record({
  waits: fc.array(wait, { maxLength: 6 }),
  isDrained: fc.boolean(),
  irq: fc.oneof(fc.constant(0), fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true })),
  restOfSteal: fc.oneof(fc.constant(0), fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true })),
});

test('for any shares: sums exact, never negative, nothing on a CPU without growth, nothing lost', () => {
  fc.assert(
    fc.property(fc.array(round, { maxLength: 8 }), (rounds) => {
      const { kernel, totals, read } = setUp();
      let expected = 0;
      let moved = 0;
      for (const { waits, isDrained, irq, restOfSteal } of rounds) {
        const steal = (1 - irq) * restOfSteal;
        const first = new Map<bigint, number>();
        for (const it of waits) {
          const cgroup = it.slot ? cgroupOf(kernel.occupant(it.slot)) : 0n;
          const [self = 0, other = 0, byKernel = 0] = it.parts;
          const behind = it.cpu === 0 ? self + other + byKernel : 0;
          first.set(cgroup, (first.get(cgroup) ?? 0) + behind);
          expected += behind * (irq + steal);
          const stolen = it.parts.with(5, 0); // the kernel accounts none
          kernel.wait(it.cpu, it.slot, stolen.map(BigInt));
          if (it.isLast) kernel.recycle(it.slot);
        }
        if (isDrained) kernel.deliver(totals);
        const { cgroups } = read(onFirst(irq, steal));
        for (const { cgroup, wait: whole, classes } of cgroups) {
          const times = waitClasses.map((name) => classes[name]);
          assert.ok(times.every((time) => Number.isSafeInteger(time) && time >= 0));
          assert.equal(
            times.reduce((a, b) => a + b, 0),
            whole,
          );
          const most = first.get(cgroup === 'kernel' ? 0n : (cgroup as bigint)) ?? 0;
          assert.ok(classes.irq + classes.steal <= most, 'more than was waited where it was stolen');
          moved += classes.irq + classes.steal;
        }
      }
      assert.ok(Math.abs(moved - expected) < 4 + expected * 1e-12, 'more than fractions of a nanosecond');
    }),
    { numRuns: 500 },
  );
});

test('pairs are reduced like their victim’s `other`, so that unnamed culprits stay unnamed', () => {
  const { kernel, read } = setUp();
  kernel.wait(0, 1, parts(0, 1_000_000, 0, 0, 0, 0, 0));
  const { cgroups, otherKept } = read(onFirst(0, 0.3));
  const [victim] = cgroups;
  assert.ok(victim && typeof victim.cgroup === 'bigint');
  const pairsOf = (...others: number[]) =>
    others.map((other, i) => ({
      ...pairReading(BigInt(i + 50), { other, throttled: 9 }),
      victim: victim.cgroup,
    }));
  const options = { maxCulprits: 10, samplingError: 100 };
  const blame = (...others: number[]) =>
    blameOf(victim, withoutStolen(pairsOf(...others), otherKept), options).map(({ other }) => other);
  assert.deepEqual(blame(600_000, 400_000), [420_000, 280_000], 'all are named: they sum to the class');
  assert.deepEqual(blame(600_000, 100_000), [420_000, 70_000], 'of others nothing is known');
  // left alone, the named ones would be fitted to the whole class
  assert.deepEqual(
    blameOf(victim, pairsOf(600_000, 100_000), options).map(({ other }) => other),
    [600_000, 100_000],
  );
});

test('pairs of a victim without stolen time are unchanged', () => {
  const pairs = [pairReading(7n, { other: 5, preemptions: 1 })];
  assert.deepEqual(withoutStolen(pairs, new Map([[99n as never, 0.5]])), pairs);
  assert.equal(withoutStolen(pairs, new Map()), pairs);
});

test('a single wait is split by its CPU’s shares of the reading before', () => {
  const { kernel, totals, read } = setUp({ irq: true, steal: true });
  writeBigint(kernel.maps.cpus, abi.cpu.irq, 100n);
  writeBigint(kernel.maps.cpus, abi.cpu.ring + abi.occupant.stolen, 400n);
  read();
  const wait = waitEvent({ other: 5, steal: 1001 }, { cpu: 0 });
  const { classes } = totals.splitStolen(wait);
  assert.deepEqual([classes.other, classes.irq, classes.steal], [5, 250, 751]);
  const elsewhere = totals.splitStolen({ ...wait, cpu: 1 }).classes;
  assert.deepEqual([elsewhere.irq, elsewhere.steal], [0, 1001], 'nothing is known of that CPU');
});

test('a single wait on a kernel that accounts only interrupts has no steal', () => {
  const { totals } = setUp({ irq: true, steal: false });
  const { classes } = totals.splitStolen(waitEvent({ irq: 1001 }, { cpu: 0 }));
  assert.deepEqual([classes.irq, classes.steal], [1001, 0]);
});
