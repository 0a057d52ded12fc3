import { difference, isSame, isZero, readBigint, signedDifference } from '../../bpf/u64.ts';
import { type CgroupId, type Nanoseconds, nanoseconds } from '../../telemetry/units.ts';
import { histogramOffset, pseudoSerials as pseudo, type SchedulerAbi } from './abi.ts';
import { addSums, type CgroupSums, noClasses, noSums, readingOf } from './cgroup-sums.ts';
import type { SerialIndex } from './serial-index.ts';
import { type CgroupReading, type WaitClass, type WaitEvent, type Waiter, waitClasses } from './source.ts';
import type { StolenTime } from './stolen-shares.ts';
import { type Shares, StolenSplit } from './stolen-split.ts';

/**
 * Copies of the kernel's maps, the histograms first: whoever has counted in them has claimed a cell before, and is seen
 * in the cells or retired from them.
 */
export interface Snapshot {
  /** `cell` at [cpu][slot]. */
  readonly cells: Uint32Array;
  /** `histogram` at [copy][slot]. */
  readonly histograms: Uint32Array;
  /** `cpu` at [cpu]. */
  readonly cpus: Uint32Array;
}

export interface Dimensions {
  /** CPUs, and a last row for waits in progress. */
  readonly rows: number;
  readonly slots: number;
  readonly histogramCopies: number;
}

/** What `SchedulerTotals` gathered since it was asked before. */
export interface Taken {
  readonly cgroups: readonly CgroupReading[];
  readonly drops: Readonly<Record<string, number>>;
  /** Which part of `other` is left of what pairs say, for those of whom a part was stolen after all. */
  readonly otherKept: ReadonlyMap<Waiter, number>;
  /** `other` of the same, with that part: what their pairs say. */
  readonly otherWhole: ReadonlyMap<Waiter, number>;
}

/** Who counts in the histogram of a slot. */
interface Holder {
  readonly serial: bigint;
  /** Its cgroup was removed, and everything up to then is its own. */
  readonly isGone: boolean;
}

interface Place {
  readonly cpu: number;
  readonly slot: number;
}

/** A cell of `serial` and where it lies, in a copy of the map or in a record. */
interface Cell {
  readonly words: Uint32Array;
  readonly offset: number;
}

const nothingStolen: Shares = { irq: new Float64Array(), steal: new Float64Array() };
const retries = 3;
/** No u32 counter advances so far in one interval. */
const backwards = 2 ** 31;

/**
 * Turns running totals into what happened since the reading before, per cgroup. Exact also when a css id went from one
 * cgroup to another in between: the kernel side sends the last totals of a cell before it empties it.
 */
export class SchedulerTotals {
  readonly #abi: SchedulerAbi;
  readonly #size: Dimensions;
  readonly #stolen: StolenSplit;
  readonly #index: SerialIndex;
  readonly #before: Snapshot;
  /** By cell: who was retired from it last. A copy made before may still show it, or one before it. */
  readonly #retired = new Map<number, bigint>();
  /** Former totals of cells whose copy already shows another cgroup, until the record of the former one arrives. */
  readonly #orphans = new Map<string, { readonly words: Uint32Array; isOld: boolean }>();
  readonly #holders = new Map<number, Holder>();
  /** Slots two cgroups had since the histogram was read: nobody knows whose its counts are. */
  readonly #contested = new Set<number>();
  /** Of the reading that is being taken. */
  #shares: Shares | undefined;
  #sums = new Map<bigint, CgroupSums>();
  #losses = new Map<string, number>();

  constructor(abi: SchedulerAbi, size: Dimensions, stolen: StolenTime, index: SerialIndex) {
    this.#abi = abi;
    this.#size = size;
    this.#stolen = new StolenSplit(abi, size.rows, stolen);
    this.#index = index;
    this.#before = allocateSnapshot(abi, size);
  }

  /** The last totals of a cell whose slot went to another cgroup; in any order with the copies of the map. */
  retire(place: Place, record: Cell): void {
    const { serial, size } = this.#abi.cell;
    const before = this.#beforeCell(place);
    const mark = readBigint(record.words, record.offset + serial);
    const key = orphanKey(mark, before.offset);
    const orphan = this.#orphans.get(key)?.words ?? new Uint32Array(size >> 2);
    if (isSameAt(record, before, serial)) {
      this.#add(place, record, before);
      this.#empty(before);
    } else this.#add(place, record, { words: orphan, offset: 0 });
    this.#orphans.delete(key);
    this.#retired.set(before.offset, mark);
  }

  /** A cgroup was removed: what its slot holds up to now is its own. */
  settle(now: Snapshot, slot: number, serial: bigint): void {
    this.#meet(slot, serial);
    for (let cpu = 0; cpu < this.#size.rows; cpu++) this.#advanceCell(now, { cpu, slot });
    this.#advanceHistogram(now.histograms, slot);
    if (this.#holders.get(slot)?.serial === serial) this.#holders.set(slot, { serial, isGone: true });
  }

  /**
   * Everything since the last call. A cell copied half-way through a wait does not sum up; everything is copied again,
   * and after some attempts such a cell is left to the next call, whole. `shares` say which part of the time since the
   * last call was stolen and is not in the kernel's totals as such.
   */
  advance(copy: () => Snapshot, shares = nothingStolen): void {
    this.#stolen.settle(shares);
    this.#shares = shares;
    let now = copy();
    let torn = this.#advanceCells(now);
    for (let attempt = 0; attempt < retries && torn; attempt++) {
      now = copy();
      torn = this.#advanceCells(now);
    }
    this.#lose('reading_delayed', torn);
    for (const slot of this.#holders.keys()) this.#advanceHistogram(now.histograms, slot);
    this.#advanceCpus(now.cpus);
    this.#forgetOrphans();
    this.#shares = undefined;
  }

  /** What has been gathered since the last call. */
  take(): Taken {
    const byCgroup = new Map<Waiter, CgroupSums>(); // one that lost and regained the cpu controller was two
    for (const [serial, sums] of this.#sums) {
      const cgroup = this.#index.find(serial);
      if (cgroup === undefined || cgroup === 'idle') this.#lose('cgroup_unnamed', 1);
      else byCgroup.set(cgroup, addSums(byCgroup.get(cgroup), sums));
    }
    const cgroups = [...byCgroup].map(([cgroup, sums]) => readingOf(cgroup, sums));
    const drops = Object.fromEntries(this.#losses);
    const otherKept = new Map<Waiter, number>();
    const otherWhole = new Map<Waiter, number>();
    for (const [cgroup, { classes, stolenFromOther }] of byCgroup)
      if (stolenFromOther) {
        const whole = classes.other + stolenFromOther;
        otherWhole.set(cgroup, whole);
        otherKept.set(cgroup, classes.other / whole);
      }
    this.#sums = new Map();
    this.#losses = new Map();
    return { cgroups, drops, otherKept, otherWhole };
  }

  /** A single wait, with its stolen time split as its CPU's was in the reading before. */
  splitStolen<Wait extends Pick<WaitEvent, 'cpu' | 'classes'>>(wait: Wait): Wait {
    const stolen = wait.classes.irq + wait.classes.steal;
    if (!stolen) return wait;
    const irq = Math.round(stolen * this.#stolen.irqShare(wait.cpu));
    return {
      ...wait,
      classes: { ...wait.classes, irq: nanoseconds(irq), steal: nanoseconds(stolen - irq) },
    };
  }

  /** How many are not whole. */
  #advanceCells(now: Snapshot): number {
    let torn = 0;
    this.#stolen.advance(now.cpus, this.#before.cpus);
    for (let cpu = 0; cpu < this.#size.rows; cpu++)
      for (let slot = 0; slot < this.#size.slots; slot++) if (!this.#advanceCell(now, { cpu, slot })) torn++;
    return torn;
  }

  /** False if the copy is not whole. */
  #advanceCell(now: Snapshot, place: Place): boolean {
    const { cell } = this.#abi;
    const before = this.#beforeCell(place);
    const current = { words: now.cells, offset: before.offset };
    if (isZero(now.cells, current.offset + cell.serial)) return true;
    const isKnown = isSameAt(current, before, cell.serial);
    if (isKnown && !this.#changed(current, before)) return true;
    const serial = readBigint(now.cells, current.offset + cell.serial);
    if ((this.#retired.get(before.offset) ?? 0n) >= serial) return true; // serial numbers only rise
    this.#meet(place.slot, serial);
    this.#index.learn(serial, readBigint(now.cells, current.offset + cell.cgroup) as CgroupId);
    if (!isKnown) {
      this.#orphan(before);
      this.#empty(before);
      before.words.set(wordsAt(current, cell.serial, 8), (before.offset + cell.serial) >> 2);
      // it may just be emptied for the next cgroup: what it waited is in a record that is still to come
      if (serial < (this.#holders.get(place.slot)?.serial ?? 0n)) this.#contested.add(place.slot);
      if (!this.#changed(current, before)) return true;
    }
    if (!this.#isWhole(current, before)) return false;
    this.#add(place, current, before);
    before.words.set(wordsAt(current, 0, cell.size), before.offset >> 2);
    return true;
  }

  #orphan({ words, offset }: Cell): void {
    const { serial, size } = this.#abi.cell;
    if (isZero(words, offset + serial)) return;
    this.#orphans.set(orphanKey(readBigint(words, offset + serial), offset), {
      words: wordsAt({ words, offset }, 0, size).slice(),
      isOld: false,
    });
  }

  /** A cgroup had a cell of this slot. Its serial number tells whether it came before or after those met already. */
  #meet(slot: number, serial: bigint, hasWaited = false): void {
    const holder = this.#holders.get(slot);
    if (!holder || serial > holder.serial) {
      if (holder && !holder.isGone) this.#contested.add(slot);
      this.#holders.set(slot, { serial, isGone: false });
    } else if (hasWaited) {
      if (serial < holder.serial) this.#contested.add(slot);
      else if (holder.isGone) this.#holders.set(slot, { serial, isGone: false }); // its last threads were still ending
    }
  }

  #changed(now: Cell, before: Cell): boolean {
    const { wait, in_progress, run, preempted_by_self, preempted_by_kernel } = this.#abi.cell;
    return !(
      isSameAt(now, before, wait) &&
      isSameAt(now, before, in_progress) &&
      isSameAt(now, before, run) &&
      isSameWord(now, before, preempted_by_self) &&
      isSameWord(now, before, preempted_by_kernel)
    );
  }

  /** Not copied in the middle of a wait, nor while it was emptied for another cgroup. */
  #isWhole(now: Cell, before: Cell): boolean {
    const { cell, classes } = this.#abi;
    const isUnnamed = isZero(now.words, now.offset + cell.cgroup);
    if (isUnnamed && readBigint(now.words, now.offset + cell.serial) < pseudo.overflow) return false;
    let sum = 0;
    for (const position of Object.values(classes)) {
      const time = between(now, before, cell.class + position * 8);
      if (time < 0) return false;
      sum += time;
    }
    return (
      sum === between(now, before, cell.wait) &&
      sum >= signedBetween(now, before, cell.in_progress) &&
      between(now, before, cell.run) >= 0 &&
      wordBetween(now, before, cell.preempted_by_self) < backwards &&
      wordBetween(now, before, cell.preempted_by_kernel) < backwards
    );
  }

  #add({ cpu, slot }: Place, now: Cell, before: Cell): void {
    const { cell, classes } = this.#abi;
    const serial = readBigint(now.words, now.offset + cell.serial);
    this.#index.learn(serial, readBigint(now.words, now.offset + cell.cgroup) as CgroupId);
    const sums = this.#sumsOf(serial);
    const wait = between(now, before, cell.wait);
    sums.wait += wait;
    const inProgress = signedBetween(now, before, cell.in_progress);
    sums.inProgress += inProgress;
    sums.run += between(now, before, cell.run);
    sums.preemptedBySelf += wordBetween(now, before, cell.preempted_by_self);
    sums.preemptedByKernel += wordBetween(now, before, cell.preempted_by_kernel);
    const gained = noClasses();
    for (const [name, position] of Object.entries(classes)) {
      const time = between(now, before, cell.class + position * 8);
      if (name === 'stolen') {
        gained.irq = Math.round(time * this.#stolen.irqShare(cpu));
        gained.steal = time - gained.irq;
      } else gained[name as WaitClass] = time;
    }
    for (const name of waitClasses) sums.classes[name] += gained[name];
    this.#stolen.take(cpu, { sums, gained }, this.#shares);
    this.#meet(slot, serial, wait > 0 || inProgress < 0);
  }

  /** Counts since the reading before; without an owner they are lost, and counted as such. */
  #advanceHistogram(histograms: Uint32Array, slot: number): void {
    const serial = this.#contested.has(slot) ? undefined : this.#holders.get(slot)?.serial;
    if (serial !== undefined && this.#index.find(serial) === undefined) return; // its name comes with its first whole cell
    this.#contested.delete(slot);
    const { histogram, buckets } = this.#abi;
    const { slots, histogramCopies } = this.#size;
    const before = this.#before.histograms;
    let lost = 0;
    for (let copy = 0; copy < histogramCopies; copy++) {
      const offset = (copy * slots + slot) * histogram.size;
      for (let bucket = 0; bucket <= buckets; bucket++) {
        const isZeroBucket = bucket === buckets;
        const at = (offset + (isZeroBucket ? histogram.zero : histogram.bucket + bucket * 4)) >> 2;
        const count = ((histograms[at] ?? 0) - (before[at] ?? 0)) >>> 0;
        if (!count) continue;
        before[at] = histograms[at] ?? 0;
        if (serial === undefined) {
          lost += count;
          continue;
        }
        const sums = this.#sumsOf(serial);
        if (isZeroBucket) sums.zeroCount += count;
        else {
          const index = bucket + histogramOffset;
          sums.buckets.set(index, (sums.buckets.get(index) ?? 0) + count);
        }
      }
    }
    this.#lose('histogram_contested', lost);
  }

  #advanceCpus(cpus: Uint32Array): void {
    const { cpu, dropReasons } = this.#abi;
    for (let c = 0; c < this.#size.rows; c++)
      for (const [position, reason] of dropReasons.entries())
        this.#lose(reason, difference(cpus, this.#before.cpus, c * cpu.size + cpu.drops + position * 8));
    this.#before.cpus.set(cpus);
  }

  /** A record that has not come by the next reading was lost, and the kernel side has counted it. */
  #forgetOrphans(): void {
    for (const [key, orphan] of this.#orphans)
      if (orphan.isOld) this.#orphans.delete(key);
      else orphan.isOld = true;
  }

  #beforeCell({ cpu, slot }: Place): Cell {
    return { words: this.#before.cells, offset: (cpu * this.#size.slots + slot) * this.#abi.cell.size };
  }

  #empty({ words, offset }: Cell): void {
    words.fill(0, offset >> 2, (offset + this.#abi.cell.size) >> 2);
  }

  #sumsOf(serial: bigint): CgroupSums {
    const sums = this.#sums.get(serial) ?? noSums();
    this.#sums.set(serial, sums);
    return sums;
  }

  #lose(reason: string, count: number): void {
    if (count) this.#losses.set(reason, (this.#losses.get(reason) ?? 0) + count);
  }
}

export function allocateSnapshot(abi: SchedulerAbi, size: Dimensions): Snapshot {
  return {
    cells: new Uint32Array((abi.cell.size * size.rows * size.slots) >> 2),
    histograms: new Uint32Array((abi.histogram.size * size.slots * size.histogramCopies) >> 2),
    cpus: new Uint32Array((abi.cpu.size * size.rows) >> 2),
  };
}

/** Not a copy. */
function wordsAt({ words, offset }: Cell, member: number, bytes: number): Uint32Array {
  return words.subarray((offset + member) >> 2, (offset + member + bytes) >> 2);
}

function orphanKey(serial: bigint, offset: number): string {
  return `${serial} ${offset}`;
}

function between(now: Cell, before: Cell, member: number): Nanoseconds {
  return difference(now.words, before.words, now.offset + member, before.offset + member);
}

function signedBetween(now: Cell, before: Cell, member: number): Nanoseconds {
  return signedDifference(now.words, before.words, now.offset + member, before.offset + member);
}

/** u32 counters wrap; their differences do not. */
function wordBetween(now: Cell, before: Cell, member: number): number {
  return (
    ((now.words[(now.offset + member) >> 2] ?? 0) - (before.words[(before.offset + member) >> 2] ?? 0)) >>> 0
  );
}

function isSameAt(a: Cell, b: Cell, member: number): boolean {
  return isSame(a.words, b.words, a.offset + member, b.offset + member);
}

function isSameWord(a: Cell, b: Cell, member: number): boolean {
  return wordBetween(a, b, member) === 0;
}
