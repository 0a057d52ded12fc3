import { readBigint } from '../../../../src/bpf/u64.ts';
import { pseudoSerials as pseudo } from '../../../../src/receivers/scheduler/abi.ts';
import {
  allocateBlock,
  type Block,
  copySlot,
  type Dimensions,
  type SlotRange,
} from '../../../../src/receivers/scheduler/snapshot.ts';
import type { SchedulerTotals } from '../../../../src/receivers/scheduler/totals.ts';
import type { CgroupId } from '../../../../src/telemetry/units.ts';
import { abi, classCount, writeBigint } from './plain-abi.ts';

/** What a cgroup really did. */
export interface Truth {
  readonly classes: bigint[];
  /** Waits that ended, whole, wherever their parts were charged. */
  completed: bigint;
  run: bigint;
  preemptions: bigint;
  /** By bucket; the last is the one for waits too short to have one. */
  readonly buckets: number[];
}

type Message =
  | { readonly kind: 'retired'; readonly cpu: number; readonly slot: number; readonly words: Uint32Array }
  | { readonly kind: 'removed'; readonly slot: number; readonly serial: bigint };

const { cell, histogram } = abi;

export const cgroupOf = (serial: bigint) => (1000n + serial) as CgroupId;

/** Of a wait: whose it is, if parts of it were charged before, and how far the program gets. */
interface WaitOptions {
  readonly thread?: number;
  /** Of the four: the end of what was in progress, the histogram, the whole, the classes. */
  readonly steps?: number;
}

/**
 * The kernel side's maps and ring buffer, kept as `bpf/scheduler/scheduler.bpf.c` keeps them, with the truth beside them. Slot 0
 * is the kernel threads'; each other slot belongs to one cgroup after the other.
 */
export class FakeScheduler {
  readonly truth = new Map<bigint, Truth>();
  readonly maps: Block & { readonly cpus: Uint32Array };
  readonly size: Dimensions;
  readonly #ring: Message[] = [];
  readonly #occupants: bigint[];
  /** By CPU: the rest of the program that is running there. */
  readonly #unfinished = new Map<number, () => void>();
  /** By thread that waits: the part of its wait charged so far, on any row and to any culprit. */
  readonly #carried = new Map<number, bigint>();
  #nextSerial = 1n;
  /** The last copy of several slots. */
  #block: Block | undefined;

  constructor(size: Dimensions) {
    this.size = size;
    const cpus = new Uint32Array((abi.cpu.size * size.rows) >> 2);
    this.maps = { ...allocateBlock(abi, size, size.slots), cpus };
    this.#occupants = Array.from({ length: size.slots }, (_, slot) => this.#create(slot));
  }

  occupant(slot: number): bigint {
    return this.#occupants[slot] ?? 0n;
  }

  /** The cgroup in `slot` is removed, and its css id goes to a new one. */
  recycle(slot: number, isReported = true): void {
    if (slot === 0) return;
    if (isReported) this.#ring.push({ kind: 'removed', slot, serial: this.occupant(slot) });
    this.#occupants[slot] = this.#create(slot);
  }

  /** The cgroup in `slot` is removed; its css lives on for a while. */
  remove(slot: number): void {
    this.#ring.push({ kind: 'removed', slot, serial: this.occupant(slot) });
  }

  /** The last row, in which the iterator charges waits in progress. */
  get progressRow(): number {
    return this.size.rows - 1;
  }

  /** A wait ends, the rest of which `parts` (by class) make up; the program stops half-way until `finish`. */
  beginWait(
    cpu: number,
    slot: number,
    parts: readonly bigint[],
    bucket: number,
    { thread = -1, steps = 3 }: WaitOptions = {},
  ): void {
    if (this.#unfinished.has(cpu)) return;
    const at = this.claim(cpu, slot);
    const carried = this.#carried.get(thread) ?? 0n;
    this.#carried.delete(thread);
    this.#begin(cpu, steps, [
      () => this.#add(at + cell.in_progress, -carried),
      () => this.count(cpu, slot, bucket, 1),
      () => this.#add(at + cell.wait, sumOf(parts)),
      () => {
        this.#charge(at, slot, parts);
        this.#truthOf(slot).completed += carried + sumOf(parts);
      },
    ]);
  }

  wait(cpu: number, slot: number, parts: readonly bigint[], bucket = 0, options: WaitOptions = {}): void {
    this.beginWait(cpu, slot, parts, bucket, options);
    this.finish(cpu);
  }

  /** A thread moves to another CPU after it has waited for `parts` more; the program stops half-way until `finish`. */
  beginMove(cpu: number, slot: number, parts: readonly bigint[], thread: number): void {
    if (this.#unfinished.has(cpu)) return;
    const at = this.claim(cpu, slot);
    this.#carried.set(thread, (this.#carried.get(thread) ?? 0n) + sumOf(parts));
    this.#begin(cpu, 1, [
      () => this.#add(at + cell.wait, sumOf(parts)),
      () => {
        this.#add(at + cell.in_progress, sumOf(parts));
        this.#charge(at, slot, parts);
      },
    ]);
  }

  /** A thread has waited for `parts` more, and waits on. The iterator is never copied half-way. */
  progress(slot: number, parts: readonly bigint[], thread: number): void {
    this.beginMove(this.progressRow, slot, parts, thread);
    this.finish(this.progressRow);
  }

  run(cpu: number, slot: number, ns: bigint): void {
    if (this.#unfinished.has(cpu)) return;
    this.#add(this.claim(cpu, slot) + cell.run, ns);
    this.#truthOf(slot).run += ns;
  }

  preempt(cpu: number, slot: number, times: number): void {
    if (this.#unfinished.has(cpu)) return;
    const at = (this.claim(cpu, slot) + cell.preempted_by_self) >> 2;
    this.maps.cells[at] = (this.maps.cells[at] ?? 0) + times; // wraps as it does in the kernel
    this.#truthOf(slot).preemptions += BigInt(times);
  }

  count(cpu: number, slot: number, bucket: number, times: number): void {
    const copy = (cpu >> this.size.histogramShift) * this.size.slots + slot;
    const at = (copy * histogram.size + bucket * 4) >> 2;
    this.maps.histograms[at] = (this.maps.histograms[at] ?? 0) + times;
    const { buckets } = this.#truthOf(slot);
    buckets[bucket] = (buckets[bucket] ?? 0) + times;
  }

  /** Offset of the occupant's cell, emptied first if it was another's. */
  claim(cpu: number, slot: number): number {
    this.beginClaim(cpu, slot, 0);
    if (this.#unfinished.has(cpu)) this.finish(cpu);
    return this.#offset(cpu, slot);
  }

  /** The same, but stopping after `stores` of the 16 words of the cell have been emptied and written. */
  beginClaim(cpu: number, slot: number, stores: number): void {
    const { cells } = this.maps;
    const at = this.#offset(cpu, slot);
    const serial = this.occupant(slot);
    const former = readBigint(cells, at + cell.serial);
    if (this.#unfinished.has(cpu) || former === serial) return;
    if (former)
      this.#ring.push({ kind: 'retired', cpu, slot, words: cells.slice(at >> 2, (at + cell.size) >> 2) });
    // in the order in which the compiled program stores
    const todo = Array.from({ length: 15 }, (_, i) => () => writeBigint(cells, at + 8 + i * 8, 0n));
    todo.push(() => writeBigint(cells, at + cell.serial, serial));
    this.#begin(cpu, stores, [...todo, () => writeBigint(cells, at + cell.cgroup, cgroupOf(serial))]);
  }

  finish(cpu: number): void {
    this.#unfinished.get(cpu)?.();
    this.#unfinished.delete(cpu);
  }

  /** As the live source copies: histograms first. Something may happen between the two. */
  copy(range: SlotRange = this.maps, meanwhile: () => void = () => {}): Block {
    const block = { ...allocateBlock(abi, this.size, range.count), first: range.first };
    copyColumns('histograms', this.maps, block);
    meanwhile();
    copyColumns('cells', this.maps, block);
    this.#block = block;
    return block;
  }

  /** Delivers the oldest messages of the ring buffer, as the live source does: removed cgroups at the end. */
  deliver(totals: SchedulerTotals, count = this.#ring.length): void {
    const messages = this.#ring.splice(0, count);
    for (const message of messages)
      if (message.kind === 'retired') totals.retire(message, { words: message.words, offset: 0 });
    const removed = messages.filter((message) => message.kind === 'removed');
    if (!removed.length) return;
    const block = this.#block;
    for (const { slot, serial } of removed) {
      const one = this.copy({ first: slot, count: 1 });
      totals.closeSlot(one, slot, serial);
      if (block && slot >= block.first && slot < block.first + block.count) copySlot(one, block, this.size);
    }
    this.#block = block;
  }

  get ringLength(): number {
    return this.#ring.length;
  }

  #begin(row: number, done: number, steps: readonly (() => void)[]): void {
    for (const step of steps.slice(0, done)) step();
    this.#unfinished.set(row, () => {
      for (const step of steps.slice(done)) step();
    });
  }

  #charge(at: number, slot: number, parts: readonly bigint[]): void {
    const truth = this.#truthOf(slot);
    for (const [position, part] of parts.entries()) {
      this.#add(at + cell.class + position * 8, part);
      truth.classes[position] = (truth.classes[position] ?? 0n) + part;
    }
  }

  #create(slot: number): bigint {
    const serial = slot === 0 ? pseudo.kernel : this.#nextSerial++;
    this.truth.set(serial, {
      classes: new Array<bigint>(classCount).fill(0n),
      completed: 0n,
      run: 0n,
      preemptions: 0n,
      buckets: new Array<number>(abi.buckets + 1).fill(0),
    });
    return serial;
  }

  #truthOf(slot: number): Truth {
    const truth = this.truth.get(this.occupant(slot));
    if (!truth) throw new Error(`slot ${slot} is empty`);
    return truth;
  }

  #offset(cpu: number, slot: number): number {
    return (cpu * this.size.slots + slot) * cell.size;
  }

  #add(offset: number, by: bigint): void {
    writeBigint(this.maps.cells, offset, readBigint(this.maps.cells, offset) + by);
  }
}

function sumOf(parts: readonly bigint[]): bigint {
  return parts.reduce((a, b) => a + b, 0n);
}

function copyColumns(member: 'cells' | 'histograms', from: Block, to: Block): void {
  const words = (member === 'cells' ? cell.size : histogram.size) >> 2;
  for (let at = 0; at < to[member].length / words; at++) {
    const row = Math.floor(at / to.count);
    const source = (row * from.count + to.first + (at % to.count)) * words;
    to[member].set(from[member].subarray(source, source + words), at * words);
  }
}
