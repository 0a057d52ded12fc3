import assert from 'node:assert/strict';
import { Serials } from '../../../../src/cgroup/serials.ts';
import { SerialIndex } from '../../../../src/receivers/scheduler/serial-index.ts';
import type { Block } from '../../../../src/receivers/scheduler/snapshot.ts';
import type { CgroupReading, Waiter } from '../../../../src/receivers/scheduler/source.ts';
import { finishNow } from '../../../../src/receivers/scheduler/steps.ts';
import type { StolenTime } from '../../../../src/receivers/scheduler/stolen-shares.ts';
import type { Shares } from '../../../../src/receivers/scheduler/stolen-split.ts';
import { SchedulerTotals } from '../../../../src/receivers/scheduler/totals.ts';
import { LossLedger } from '../../../../src/telemetry/losses.ts';
import { FakeScheduler } from './fake-scheduler.ts';
import { abi } from './plain-abi.ts';

export const size = { rows: 3, slots: 3, histogramShift: 0, histogramCopies: 2 };

export function setUp(stolen: StolenTime = { irq: false, steal: true }) {
  const kernel = new FakeScheduler(size);
  const index = new SerialIndex(new Serials(100));
  const losses = new LossLedger();
  const totals = new SchedulerTotals({ abi, size, stolen, index, losses });
  /** Copy, then the ring, as the live source reads. */
  const read = () => {
    advance({ kernel, totals }, () => {
      const copy = kernel.copy();
      kernel.deliver(totals);
      return copy;
    });
    return { cgroups: finishNow(totals.take()).cgroups, drops: losses.take() };
  };
  return { kernel, index, totals, losses, read };
}

/** A reading in one block, as `copy` gives it. */
export function advance(
  { kernel, totals }: { readonly kernel: FakeScheduler; readonly totals: SchedulerTotals },
  copy: () => Block,
  shares?: Shares,
): void {
  totals.begin(kernel.maps.cpus, shares);
  totals.advance(copy);
  totals.end();
}

export const other = (ns: number | bigint) => [0n, BigInt(ns), 0n, 0n, 0n, 0n, 0n];
export const stolen = (ns: number) => [0n, 0n, 0n, 0n, 0n, BigInt(ns), 0n];

export function find(readings: readonly CgroupReading[], cgroup: Waiter): CgroupReading {
  const found = readings.find((reading) => reading.cgroup === cgroup);
  assert.ok(found, `nothing was read of ${cgroup}`);
  return found;
}
export const waitOf = (readings: readonly CgroupReading[], cgroup: Waiter) =>
  readings.find((reading) => reading.cgroup === cgroup)?.wait ?? 0;
export const waits = ({ buckets, zeroCount }: CgroupReading) =>
  [...buckets.values()].reduce((a, b) => a + b, 0) + zeroCount;
