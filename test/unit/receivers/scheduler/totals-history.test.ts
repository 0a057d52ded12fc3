import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Serials } from '../../../../src/cgroup/serials.ts';
import { histogramOffset } from '../../../../src/receivers/scheduler/abi.ts';
import { SerialIndex } from '../../../../src/receivers/scheduler/serial-index.ts';
import { type CgroupReading, type Waiter, waitClasses } from '../../../../src/receivers/scheduler/source.ts';
import { finishNow } from '../../../../src/receivers/scheduler/steps.ts';
import { SchedulerTotals, type Taken } from '../../../../src/receivers/scheduler/totals.ts';
import { LossLedger } from '../../../../src/telemetry/losses.ts';
import { usualOr } from '../../../lab/thorough.ts';
import { cgroupOf, FakeScheduler } from './fake-scheduler.ts';
import { abi, writeBigint } from './plain-abi.ts';

/**
 * Random histories of the kernel side against the totals: in any order of copies, half-finished programs and
 * records of reused slots, the sums of all readings are what the cgroups really did.
 */
const cpus = 2;
/** The last row is for waits in progress. */
const size = { rows: cpus + 1, slots: 3, histogramShift: 0, histogramCopies: 2 };

const cpu = fc.nat(cpus - 1);
const slot = fc.nat(size.slots - 1);
const ns = fc.oneof(fc.nat(3).map(BigInt), fc.bigInt(0n, 2n ** 47n));
const parts = fc.array(ns, { minLength: 7, maxLength: 7 });
/** Of waits in progress, small enough for the sums of whole histories to stay exact. */
const piece = fc.array(fc.oneof(fc.nat(3).map(BigInt), fc.bigInt(0n, 2n ** 40n)), {
  minLength: 7,
  maxLength: 7,
});
const thread = fc.nat(2);

/** Something the kernel does. */
const deed = fc.oneof(
  fc.record({ do: fc.constant('wait' as const), cpu, slot, parts, bucket: fc.nat(abi.buckets) }),
  fc.record({ do: fc.constant('begin wait' as const), cpu, slot, parts, bucket: fc.nat(abi.buckets) }),
  fc.record({ do: fc.constant('progress' as const), slot, parts: piece, thread }),
  fc.record({ do: fc.constant('begin move' as const), cpu, slot, parts: piece, thread }),
  fc.record({
    do: fc.constant('end progress' as const),
    cpu,
    slot,
    parts: piece,
    bucket: fc.nat(abi.buckets),
    thread,
    steps: fc.integer({ min: 2, max: 4 }), // no css id goes to another cgroup within the first
  }),
  fc.record({ do: fc.constant('begin claim' as const), cpu, slot, stores: fc.nat(16) }),
  fc.record({ do: fc.constant('finish' as const), cpu }),
  fc.record({ do: fc.constant('run' as const), cpu, slot, ns }),
  fc.record({ do: fc.constant('preempt' as const), cpu, slot, times: fc.nat(5) }),
  fc.record({ do: fc.constant('recycle' as const), slot, isReported: fc.boolean() }),
);
type Deed = typeof deed extends fc.Arbitrary<infer D> ? D : never;

/** A copy of the maps: what the kernel does during it, and how many messages of the ring are taken after it. */
const copy = fc.record({
  before: fc.array(deed, { maxLength: 2 }),
  meanwhile: fc.array(deed, { maxLength: 2 }),
  after: fc.array(deed, { maxLength: 2 }),
  delivered: fc.nat(4),
});
const round = fc.record({
  deeds: fc.array(deed, { maxLength: 8 }),
  drained: fc.nat(4),
  copies: fc.array(copy, { minLength: 4, maxLength: 4 }),
});

function perform(kernel: FakeScheduler, deeds: readonly Deed[]): void {
  for (const it of deeds)
    switch (it.do) {
      case 'wait':
        kernel.wait(it.cpu, it.slot, it.parts, it.bucket);
        break;
      case 'begin wait':
        kernel.beginWait(it.cpu, it.slot, it.parts, it.bucket);
        break;
      case 'progress':
        kernel.progress(it.slot, it.parts, it.thread);
        break;
      case 'begin move':
        kernel.beginMove(it.cpu, it.slot, it.parts, it.thread);
        break;
      case 'end progress':
        kernel.beginWait(it.cpu, it.slot, it.parts, it.bucket, it);
        break;
      case 'begin claim':
        kernel.beginClaim(it.cpu, it.slot, it.stores);
        break;
      case 'finish':
        kernel.finish(it.cpu);
        break;
      case 'run':
        kernel.run(it.cpu, it.slot, it.ns);
        break;
      case 'preempt':
        kernel.preempt(it.cpu, it.slot, it.times);
        break;
      case 'recycle':
        // a css id is free again only when no program runs for its cgroup any more
        for (let c = 0; c < cpus; c++) kernel.finish(c);
        kernel.recycle(it.slot, it.isReported);
    }
}

interface Emitted {
  wait: bigint;
  completed: bigint;
  run: bigint;
  preemptions: bigint;
  readonly classes: Map<string, bigint>;
  readonly buckets: number[];
}

/** The sums of all readings, by cgroup. */
class Ledger {
  readonly cgroups = new Map<Waiter, Emitted>();
  contested = 0;
  readonly otherDrops = new Set<string>();

  add({ cgroups }: Pick<Taken, 'cgroups'>, drops: Readonly<Record<string, number>>): void {
    this.contested += drops.histogram_contested ?? 0;
    for (const reason of Object.keys(drops))
      if (reason !== 'histogram_contested' && reason !== 'reading_delayed') this.otherDrops.add(reason);
    for (const reading of cgroups) this.#add(reading);
  }

  of(cgroup: Waiter): Emitted {
    const found = this.cgroups.get(cgroup) ?? {
      wait: 0n,
      completed: 0n,
      run: 0n,
      preemptions: 0n,
      classes: new Map(),
      buckets: new Array<number>(abi.buckets + 1).fill(0),
    };
    this.cgroups.set(cgroup, found);
    return found;
  }

  #add(reading: CgroupReading): void {
    const parts = waitClasses.map((name) => reading.classes[name]);
    assert.ok(
      parts.every((part) => Number.isSafeInteger(part) && part >= 0),
      'a class is no length of time',
    );
    assert.equal(
      parts.reduce((a, b) => a + b, 0),
      reading.wait,
      'the classes do not sum to the wait',
    );
    const sums = this.of(reading.cgroup);
    sums.wait += BigInt(reading.wait);
    assert.ok(reading.completed >= 0, 'a wait that had ended has not');
    sums.completed += BigInt(reading.completed);
    sums.run += BigInt(reading.run);
    sums.preemptions += BigInt(reading.preemptedBySelf);
    for (const name of waitClasses)
      sums.classes.set(name, (sums.classes.get(name) ?? 0n) + BigInt(reading.classes[name]));
    for (const [index, count] of reading.buckets) add(sums.buckets, index - histogramOffset, count);
    add(sums.buckets, abi.buckets, reading.zeroCount);
  }
}

function add(counts: number[], at: number, by: number): void {
  counts[at] = (counts[at] ?? 0) + by;
}

type History = typeof histories extends fc.Arbitrary<infer H> ? H : never;

/** With `isRingStuck`, a message may stay in the ring buffer until the next reading. */
function play({ rounds, slotsAtOnce }: History, { isRingStuck } = { isRingStuck: true }) {
  const kernel = new FakeScheduler(size);
  const losses = new LossLedger();
  const stolen = { irq: true, steal: true };
  const totals = new SchedulerTotals({
    abi,
    size,
    stolen,
    index: new SerialIndex(new Serials(1000)),
    losses,
  });
  const ledger = new Ledger();
  let due = 0; // messages that are there since the reading before: they come before its end
  const deliver = (count: number) => {
    kernel.deliver(totals, count);
    due = Math.max(0, due - count);
  };
  const read = (copies: readonly (typeof copy extends fc.Arbitrary<infer C> ? C : never)[]) => {
    let attempt = 0;
    totals.begin(kernel.maps.cpus);
    for (let first = 0; first < size.slots; first += slotsAtOnce)
      totals.advance(() => {
        const during = copies[attempt++];
        perform(kernel, during?.before ?? []);
        const range = { first, count: Math.min(slotsAtOnce, size.slots - first) };
        const copied = kernel.copy(range, () => perform(kernel, during?.meanwhile ?? []));
        perform(kernel, during?.after ?? []);
        deliver(isRingStuck ? Math.max(due, during?.delivered ?? kernel.ringLength) : kernel.ringLength);
        return copied;
      });
    totals.end();
    due = kernel.ringLength;
    deliver(due >> 1);
    ledger.add(finishNow(totals.take()), losses.take());
  };
  startOld(kernel, () => read([]));
  for (const [n, { deeds, drained, copies }] of rounds.entries()) {
    perform(kernel, deeds);
    advanceCpus(kernel, n + 1);
    deliver(drained);
    read(copies);
  }
  for (let c = 0; c < cpus; c++) kernel.finish(c);
  read([]);
  return { kernel, ledger };
}

/** A machine that has been up for long: totals beyond 2^53, histograms about to wrap. */
function startOld(kernel: FakeScheduler, read: () => void): void {
  for (let i = 0; i < 3; i++) {
    for (let s = 0; s < size.slots; s++) kernel.wait(0, s, [0n, 2n ** 52n, 0n, 0n, 0n, 0n, 0n]);
    read();
  }
  for (let s = 0; s < size.slots; s++) kernel.count(0, s, 1, 2 ** 32 - 4);
  read();
}

/** Some of what is stolen goes to interrupts. */
function advanceCpus(kernel: FakeScheduler, round: number): void {
  for (let c = 0; c < cpus; c++) {
    writeBigint(kernel.maps.cpus, c * abi.cpu.size + abi.cpu.irq, BigInt(round * 3));
    writeBigint(kernel.maps.cpus, c * abi.cpu.size + abi.cpu.ring + abi.occupant.stolen, BigInt(round * 10));
  }
}

const histories = fc.record({
  rounds: fc.array(round, { minLength: 1, maxLength: 8 }),
  slotsAtOnce: fc.integer({ min: 1, max: size.slots }),
});
const settings = { numRuns: usualOr(200, 1000) };

test("readings sum to each cgroup's history, each nanosecond once and in its class", () => {
  fc.assert(
    fc.property(histories, (history) => {
      const { kernel, ledger } = play(history);
      for (const [serial, truth] of kernel.truth) {
        const emitted = ledger.of(serial === 1n << 63n ? 'kernel' : cgroupOf(serial));
        assert.equal(emitted.run, truth.run);
        assert.equal(emitted.completed, truth.completed);
        assert.equal(emitted.preemptions, truth.preemptions);
        assert.equal(
          emitted.wait,
          truth.classes.reduce((a, b) => a + b, 0n),
        );
        const of = (name: string) => emitted.classes.get(name) ?? 0n;
        for (const [name, position] of Object.entries(abi.classes))
          assert.equal(name === 'stolen' ? of('irq') + of('steal') : of(name), truth.classes[position], name);
      }
    }),
    settings,
  );
});

// a cgroup that came and went while the ring was stuck cannot be known yet: hence a ring that is not
test('no histogram has a wait of another cgroup, and missing waits are counted', () => {
  fc.assert(
    fc.property(histories, (history) => {
      const { kernel, ledger } = play(history, { isRingStuck: false });
      let missing = 0;
      for (const [serial, truth] of kernel.truth) {
        const { buckets } = ledger.of(serial === 1n << 63n ? 'kernel' : cgroupOf(serial));
        for (const [bucket, count] of truth.buckets.entries()) {
          assert.ok(
            (buckets[bucket] ?? 0) <= count,
            `bucket ${bucket} of ${serial}: ${buckets[bucket]} > ${count}`,
          );
          missing += count - (buckets[bucket] ?? 0);
        }
      }
      assert.equal(ledger.contested, missing);
    }),
    settings,
  );
});

test('a histogram is lost only if its slot is reused', () => {
  fc.assert(
    fc.property(histories, (history) => {
      const { kernel, ledger } = play(history);
      const { buckets } = ledger.of('kernel');
      assert.deepEqual(buckets, kernel.truth.get(1n << 63n)?.buckets);
    }),
    settings,
  );
});

test('there is no other loss, and no reading of an absent cgroup', () => {
  fc.assert(
    fc.property(histories, (history) => {
      const { kernel, ledger } = play(history);
      const known = new Set<Waiter>(['kernel', ...[...kernel.truth.keys()].map(cgroupOf)]);
      assert.deepEqual([...ledger.otherDrops], []);
      for (const cgroup of ledger.cgroups.keys()) assert.ok(known.has(cgroup), String(cgroup));
    }),
    settings,
  );
});
