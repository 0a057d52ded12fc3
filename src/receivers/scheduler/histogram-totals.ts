import type { LossLedger } from '../../telemetry/losses.ts';
import { histogramOffset, type SchedulerAbi } from './abi.ts';
import type { SerialSums } from './cgroup-sums.ts';
import type { SerialIndex } from './serial-index.ts';
import type { SlotOwners } from './slot-owners.ts';
import type { Block, Dimensions } from './snapshot.ts';

export interface HistogramOptions {
  readonly abi: SchedulerAbi;
  readonly size: Dimensions;
  readonly index: SerialIndex;
  readonly owners: SlotOwners;
  readonly sums: SerialSums;
  readonly losses: LossLedger;
}

/** Turns the running counts of the histograms into those since the reading before, of the owner of each slot. */
export class HistogramTotals {
  readonly #of: HistogramOptions;
  /** Sums over the copies, which wrap as each of them does. */
  readonly #before: Uint32Array;

  constructor(options: HistogramOptions) {
    const { abi, size } = options;
    this.#of = options;
    this.#before = new Uint32Array((abi.histogram.size * size.slots) >> 2);
  }

  get bytes(): number {
    return this.#before.byteLength;
  }

  /** Without an owner counts are lost, and counted as such. */
  advance({ histograms, first, count: slots }: Block, slot: number): void {
    const { abi, index, owners, losses } = this.#of;
    const serial = owners.find(slot);
    if (serial !== undefined && index.find(serial) === undefined) return; // its name comes with its first whole cell
    owners.endContest(slot);
    let lost = 0;
    const { size } = abi.histogram;
    const place = { offset: (slot - first) * size, stride: slots * size, slot, bucket: 0 };
    for (let bucket = 0; bucket <= abi.buckets; bucket++) {
      place.bucket = bucket;
      const count = this.#advanceBucket(histograms, place);
      if (!count) continue;
      if (serial === undefined) lost += count;
      else this.#add(serial, bucket, count);
    }
    losses.add('histogram_contested', lost);
  }

  /** The bucket behind the last one is that of waits too short for any. */
  #advanceBucket(histograms: Uint32Array, { offset, stride, slot, bucket }: BucketPlace): number {
    const { histogram, buckets } = this.#of.abi;
    const member = bucket === buckets ? histogram.zero : histogram.bucket + bucket * 4;
    const at = (slot * histogram.size + member) >> 2;
    let now = 0;
    for (let copy = 0; copy < this.#of.size.histogramCopies; copy++)
      now = (now + (histograms[(offset + copy * stride + member) >> 2] ?? 0)) >>> 0;
    const count = (now - (this.#before[at] ?? 0)) >>> 0;
    if (count) this.#before[at] = now;
    return count;
  }

  #add(serial: bigint, bucket: number, count: number): void {
    const sums = this.#of.sums.of(serial);
    if (bucket === this.#of.abi.buckets) sums.zeroCount += count;
    else {
      const index = bucket + histogramOffset;
      sums.buckets.set(index, (sums.buckets.get(index) ?? 0) + count);
    }
  }
}

/** A bucket of one slot; copies of the slot's histogram lie `stride` bytes apart. */
interface BucketPlace {
  readonly offset: number;
  readonly stride: number;
  readonly slot: number;
  readonly bucket: number;
}
