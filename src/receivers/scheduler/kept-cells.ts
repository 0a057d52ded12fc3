import { readBigint } from '../../bpf/u64.ts';
import type { SchedulerAbi } from './abi.ts';

/** Byte offsets in an unpacked cell: no more than is compared. */
export const kept = {
  ...{ serial: 0, wait: 8, run: 16, inProgress: 24, bySelf: 32, byKernel: 36 },
  classes: 40,
} as const;

export const unpackedBytes = (classCount: number): number => kept.classes + 8 * classCount;

const word = 2 ** 32;
/** Of the totals. */
const firstClass = 2;

/** A u32 whose upper half is the sign of its lower one. */
const withSign = (middle: number) => ((middle << 16) >> 16) >>> 0;
const joined = (top: number, middle: number) => ((top << 16) | middle) >>> 0;

/**
 * What is known of cells from one reading to the next, most of the agent's memory on a large machine: 68 bytes a cell. Of each
 * total 48 bits lie in arrays, and the 16 above only where they are not the sign of those, as after 39 hours of waiting in one
 * cell. `wait` is the sum of the classes.
 */
export class KeptCells {
  /** Words of a cell of the kernel in which totals lie, and of an unpacked one: run first, as it changes most; the serial number last. */
  readonly #from: Int32Array;
  readonly #to: Int32Array;
  readonly #low: Uint32Array;
  readonly #middle: Uint16Array;
  readonly #counts: Uint32Array;
  readonly #top = new Map<number, Uint16Array>();
  readonly #abi: Pick<SchedulerAbi, 'cell' | 'classes'>;
  readonly #totals: number;

  constructor(abi: Pick<SchedulerAbi, 'cell' | 'classes'>, count: number) {
    const { cell, classes } = abi;
    const positions = Object.keys(classes).map((_, i) => 8 * i);
    this.#abi = abi;
    const words = (offsets: readonly number[]) => Int32Array.from(offsets, (offset) => offset >> 2);
    this.#from = words([cell.run, cell.in_progress, ...positions.map((at) => cell.class + at), cell.serial]);
    this.#to = words([kept.run, kept.inProgress, ...positions.map((at) => kept.classes + at), kept.serial]);
    this.#totals = this.#from.length;
    this.#low = new Uint32Array(count * this.#totals);
    this.#middle = new Uint16Array(count * this.#totals);
    this.#counts = new Uint32Array(count * 2);
  }

  get bytes(): number {
    return this.#low.byteLength + this.#middle.byteLength + this.#counts.byteLength;
  }

  isSameCgroup(now: Uint32Array, offset: number, index: number): boolean {
    return this.#isSame(now, offset, { index, total: this.#totals - 1 });
  }

  /** Of the same cgroup: it neither waited nor ran, nor was preempted, nor is in the middle of that. */
  isUnchanged(now: Uint32Array, offset: number, index: number): boolean {
    const { wait, preempted_by_self, preempted_by_kernel } = this.#abi.cell;
    const place = { index, total: 0 };
    let low = 0;
    for (; place.total < this.#totals - 1; place.total++) {
      if (!this.#isSame(now, offset, place)) return false;
      if (place.total >= firstClass) low = (low + (this.#low[index * this.#totals + place.total] ?? 0)) >>> 0;
    }
    return (
      now[(offset + wait) >> 2] === low &&
      now[(offset + preempted_by_self) >> 2] === this.#counts[index * 2] &&
      now[(offset + preempted_by_kernel) >> 2] === this.#counts[index * 2 + 1]
    );
  }

  serial(index: number): bigint {
    const total = index * this.#totals + this.#totals - 1;
    const words = Uint32Array.of(this.#low[total] ?? 0, this.#high(index, this.#totals - 1));
    return readBigint(words, 0);
  }

  unpack(index: number, into: Uint32Array): void {
    const first = index * this.#totals;
    const top = this.#top.get(index);
    let low = 0;
    let high = 0;
    for (let total = 0; total < this.#totals; total++) {
      const at = this.#to[total] ?? 0;
      const lower = this.#low[first + total] ?? 0;
      const middle = this.#middle[first + total] ?? 0;
      const upper = top ? joined(top[total] ?? 0, middle) : withSign(middle);
      into[at] = lower;
      into[at + 1] = upper;
      if (at < kept.classes >> 2) continue;
      low += lower;
      high += upper;
    }
    into[kept.wait >> 2] = low % word;
    into[(kept.wait >> 2) + 1] = (high + Math.floor(low / word)) % word;
    into[kept.bySelf >> 2] = this.#counts[index * 2] ?? 0;
    into[kept.byKernel >> 2] = this.#counts[index * 2 + 1] ?? 0;
  }

  /** A cell of the kernel, whole. */
  keep(now: Uint32Array, offset: number, index: number): void {
    const { preempted_by_self, preempted_by_kernel } = this.#abi.cell;
    let isImplied = true;
    for (let total = 0; total < this.#totals; total++)
      if (!this.#keepTotal(now, offset, { index, total })) isImplied = false;
    this.#counts[index * 2] = now[(offset + preempted_by_self) >> 2] ?? 0;
    this.#counts[index * 2 + 1] = now[(offset + preempted_by_kernel) >> 2] ?? 0;
    if (isImplied) this.#dropTop(index);
    else
      this.#top.set(
        index,
        Uint16Array.from(this.#from, (from) => (now[(offset >> 2) + from + 1] ?? 0) >>> 16),
      );
  }

  /** Nothing but which cgroup it is. */
  keepSerial(now: Uint32Array, offset: number, index: number): void {
    this.forget(index);
    const total = this.#totals - 1;
    if (this.#keepTotal(now, offset, { index, total })) return;
    const top = new Uint16Array(this.#totals);
    top[total] = (now[((offset + this.#abi.cell.serial) >> 2) + 1] ?? 0) >>> 16;
    this.#top.set(index, top);
  }

  forget(index: number): void {
    this.#low.fill(0, index * this.#totals, (index + 1) * this.#totals);
    this.#middle.fill(0, index * this.#totals, (index + 1) * this.#totals);
    this.#counts.fill(0, index * 2, (index + 1) * 2);
    this.#dropTop(index);
  }

  /** That one alone. */
  copy(index: number): KeptCells {
    const one = new KeptCells(this.#abi, 1);
    one.#low.set(this.#low.subarray(index * this.#totals, (index + 1) * this.#totals));
    one.#middle.set(this.#middle.subarray(index * this.#totals, (index + 1) * this.#totals));
    one.#counts.set(this.#counts.subarray(index * 2, (index + 1) * 2));
    const top = this.#top.get(index);
    if (top) one.#top.set(0, top);
    return one;
  }

  /** Whether the upper bits are those that the others imply. */
  #keepTotal(now: Uint32Array, offset: number, { index, total }: Place): boolean {
    const at = (offset >> 2) + (this.#from[total] ?? 0);
    const upper = now[at + 1] ?? 0;
    this.#low[index * this.#totals + total] = now[at] ?? 0;
    this.#middle[index * this.#totals + total] = upper;
    return withSign(upper) === upper;
  }

  #isSame(now: Uint32Array, offset: number, { index, total }: Place): boolean {
    const at = (offset >> 2) + (this.#from[total] ?? 0);
    if (now[at] !== this.#low[index * this.#totals + total]) return false;
    const upper = now[at + 1] ?? 0;
    return (
      upper === withSign(this.#middle[index * this.#totals + total] ?? 0) ||
      upper === this.#high(index, total)
    );
  }

  #high(index: number, total: number): number {
    const middle = this.#middle[index * this.#totals + total] ?? 0;
    const top = this.#top.get(index)?.[total];
    return top === undefined ? withSign(middle) : joined(top, middle);
  }

  #dropTop(index: number): void {
    if (this.#top.size) this.#top.delete(index);
  }
}

interface Place {
  readonly index: number;
  total: number;
}
