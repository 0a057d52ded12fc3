import { type CgroupId, type Nanoseconds, nanoseconds } from '../telemetry/units.ts';
import { histogramOffset, type SchedulerAbi } from './scheduler-abi.ts';
import { type CgroupReading, type WaitClass, waitClasses } from './scheduler-source.ts';
import type { WhoIndex } from './who-index.ts';
import { difference, isSame, isZero, readBigint } from './words.ts';

/** Copies of the kernel's maps. */
export interface Snapshot {
  /** `cell` at [cpu][slot]. */
  readonly cells: Uint32Array;
  /** `histogram` at [slot][copy]. */
  readonly histograms: Uint32Array;
  /** `cpu` at [cpu]. */
  readonly cpus: Uint32Array;
}

export interface Dimensions {
  readonly cpus: number;
  readonly slots: number;
  readonly histogramCopies: number;
}

/** What `rq->clock - rq->clock_task` holds on this kernel. */
export interface StolenTime {
  readonly irq: boolean;
  readonly steal: boolean;
}

interface Sums {
  wait: number;
  run: number;
  readonly classes: Record<WaitClass, number>;
  preemptedBySelf: number;
  preemptedByKernel: number;
  readonly buckets: Map<number, number>;
  zeroCount: number;
}

interface Place {
  readonly cpu: number;
  readonly slot: number;
}

/** A cell of `who` and where it lies, in a copy of the map or in a record. */
interface Cell {
  readonly words: Uint32Array;
  readonly offset: number;
}

const retries = 3;

/**
 * Turns running totals into what happened since the reading before, per cgroup. Exact also when a css id went from one
 * cgroup to another in between: the kernel side sends the last totals of a cell before it empties it.
 */
export class SchedulerTotals {
  readonly #abi: SchedulerAbi;
  readonly #size: Dimensions;
  readonly #stolen: StolenTime;
  readonly #index: WhoIndex;
  readonly #before: Snapshot;
  /** By cell: who was retired from it last. A copy made before may still show it. */
  readonly #retired = new Map<number, bigint>();
  /** Former totals of cells whose copy already shows another cgroup, until the record of the former one arrives. */
  readonly #orphans = new Map<bigint, Map<number, Uint32Array>>();
  #aged = new Set<bigint>();
  #sums = new Map<bigint, Sums>();
  #losses = new Map<string, number>();
  /** Who waited in a slot since the reading before; more than one: nobody knows whose the histogram is. */
  readonly #waited = new Map<number, Set<bigint>>();

  constructor(abi: SchedulerAbi, size: Dimensions, stolen: StolenTime, index: WhoIndex) {
    this.#abi = abi;
    this.#size = size;
    this.#stolen = stolen;
    this.#index = index;
    this.#before = allocateSnapshot(abi, size);
  }

  /** The last totals of a cell whose slot went to another cgroup; in any order with the copies of the map. */
  retire(place: Place, record: Cell): void {
    const { who } = this.#abi.cell;
    const before = this.#beforeCell(place);
    const mark = readBigint(record.words, record.offset + who);
    const orphan = this.#orphans.get(mark)?.get(before.offset);
    if (isSameAt(record, before, who)) {
      this.#add(place, record, before, this.#before.cpus);
      this.#empty(before);
    } else
      this.#add(
        place,
        record,
        { words: orphan ?? new Uint32Array(this.#abi.cell.size >> 2), offset: 0 },
        this.#before.cpus,
      );
    this.#orphans.get(mark)?.delete(before.offset);
    this.#retired.set(before.offset, mark);
  }

  /** A cgroup was removed: what its slot holds up to now is its own. */
  settle(now: Snapshot, slot: number, who: bigint): void {
    for (let cpu = 0; cpu < this.#size.cpus; cpu++) this.#advanceCell(now, { cpu, slot });
    this.#addHistogram(now.histograms, slot, who);
    this.#waited.delete(slot);
  }

  /**
   * Everything since the last call. A cell copied half-way through a wait does not sum up; it is copied again, and
   * after some attempts left to the next call, whole.
   */
  advance(copy: () => Snapshot): void {
    let now = copy();
    let torn: Place[] = [];
    for (let cpu = 0; cpu < this.#size.cpus; cpu++)
      for (let slot = 0; slot < this.#size.slots; slot++)
        if (!this.#advanceCell(now, { cpu, slot })) torn.push({ cpu, slot });
    for (let attempt = 0; attempt < retries && torn.length; attempt++) {
      now = copy();
      torn = torn.filter((place) => !this.#advanceCell(now, place));
    }
    this.#lose('reading_delayed', torn.length);
    this.#advanceHistograms(now);
    this.#advanceCpus(now.cpus);
    this.#forgetOrphans();
  }

  /** What has been gathered since the last call. */
  take(): { readonly cgroups: readonly CgroupReading[]; readonly drops: Readonly<Record<string, number>> } {
    const cgroups: CgroupReading[] = [];
    for (const [who, sums] of this.#sums) {
      const cgroup = this.#index.find(who);
      if (cgroup === undefined || cgroup === 'idle') this.#lose('cgroup_unnamed', 1);
      else
        cgroups.push({
          cgroup,
          ...sums,
          wait: nanoseconds(sums.wait),
          run: nanoseconds(sums.run),
          classes: sums.classes as Record<WaitClass, Nanoseconds>,
        });
    }
    const drops = Object.fromEntries(this.#losses);
    this.#sums = new Map();
    this.#losses = new Map();
    return { cgroups, drops };
  }

  /** False if the copy does not sum up. */
  #advanceCell(now: Snapshot, place: Place): boolean {
    const { cell } = this.#abi;
    const before = this.#beforeCell(place);
    const current = { words: now.cells, offset: before.offset };
    if (isZero(now.cells, current.offset + cell.who)) return true;
    if (!isSameAt(current, before, cell.who)) {
      if (this.#retired.get(before.offset) === readBigint(now.cells, current.offset + cell.who)) return true;
      this.#orphan(before);
      this.#empty(before);
    } else if (!this.#changed(current, before)) return true;
    if (!this.#sumsUp(current, before)) return false;
    this.#add(place, current, before, now.cpus);
    before.words.set(
      now.cells.subarray(before.offset >> 2, (before.offset + cell.size) >> 2),
      before.offset >> 2,
    );
    return true;
  }

  #orphan({ words, offset }: Cell): void {
    const { who, size } = this.#abi.cell;
    if (isZero(words, offset + who)) return;
    const mark = readBigint(words, offset + who);
    const cells = this.#orphans.get(mark) ?? new Map<number, Uint32Array>();
    cells.set(offset, words.slice(offset >> 2, (offset + size) >> 2));
    this.#orphans.set(mark, cells);
  }

  #changed(now: Cell, before: Cell): boolean {
    const { wait, run, preempted_by_self, preempted_by_kernel } = this.#abi.cell;
    return !(
      isSameAt(now, before, wait) &&
      isSameAt(now, before, run) &&
      isSameWord(now, before, preempted_by_self) &&
      isSameWord(now, before, preempted_by_kernel)
    );
  }

  #sumsUp(now: Cell, before: Cell): boolean {
    const { cell, classes } = this.#abi;
    let sum = 0;
    for (const position of Object.values(classes)) {
      const time = between(now, before, cell.class + position * 8);
      if (time < 0) return false;
      sum += time;
    }
    return sum === between(now, before, cell.wait) && between(now, before, cell.run) >= 0;
  }

  #add({ cpu, slot }: Place, now: Cell, before: Cell, cpus: Uint32Array): void {
    const { cell, classes } = this.#abi;
    const who = readBigint(now.words, now.offset + cell.who);
    this.#index.learn(who, readBigint(now.words, now.offset + cell.cgroup) as CgroupId);
    const sums = this.#sumsOf(who);
    const wait = between(now, before, cell.wait);
    sums.wait += wait;
    sums.run += between(now, before, cell.run);
    sums.preemptedBySelf += wordBetween(now, before, cell.preempted_by_self);
    sums.preemptedByKernel += wordBetween(now, before, cell.preempted_by_kernel);
    for (const [name, position] of Object.entries(classes)) {
      const time = between(now, before, cell.class + position * 8);
      if (name === 'stolen') {
        const irq = Math.round(time * this.#irqShare(cpus, cpu));
        sums.classes.irq += irq;
        sums.classes.steal += time - irq;
      } else sums.classes[name as WaitClass] += time;
    }
    if (wait) {
      const waited = this.#waited.get(slot);
      if (waited) waited.add(who);
      else this.#waited.set(slot, new Set([who]));
    }
  }

  #advanceHistograms(now: Snapshot): void {
    for (let slot = 0; slot < this.#size.slots; slot++) {
      const waited = this.#waited.get(slot);
      if (!waited) continue;
      const [who] = waited;
      this.#addHistogram(now.histograms, slot, waited.size === 1 ? who : undefined);
    }
    this.#waited.clear();
  }

  /** Counts since the reading before; without an owner they are lost, and counted as such. */
  #addHistogram(histograms: Uint32Array, slot: number, who: bigint | undefined): void {
    const { histogram, buckets } = this.#abi;
    const size = histogram.size * this.#size.histogramCopies;
    const before = this.#before.histograms;
    let lost = 0;
    for (let offset = slot * size; offset < (slot + 1) * size; offset += histogram.size) {
      for (let bucket = 0; bucket <= buckets; bucket++) {
        const isZeroBucket = bucket === buckets;
        const at = (offset + (isZeroBucket ? histogram.zero : histogram.bucket + bucket * 4)) >> 2;
        const count = ((histograms[at] ?? 0) - (before[at] ?? 0)) >>> 0;
        if (!count) continue;
        before[at] = histograms[at] ?? 0;
        if (who === undefined) {
          lost += count;
          continue;
        }
        const sums = this.#sumsOf(who);
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
    for (let c = 0; c < this.#size.cpus; c++)
      for (const [position, reason] of dropReasons.entries())
        this.#lose(reason, difference(cpus, this.#before.cpus, c * cpu.size + cpu.drops + position * 8));
    this.#before.cpus.set(cpus);
  }

  /** A record that has not come by the next reading was lost, and the kernel side has counted it. */
  #forgetOrphans(): void {
    for (const [who, cells] of this.#orphans)
      if (this.#aged.has(who) || cells.size === 0) this.#orphans.delete(who);
    this.#aged = new Set(this.#orphans.keys());
  }

  /** Which share of what was stolen on a CPU since the reading before went to interrupts. */
  #irqShare(cpus: Uint32Array, cpu: number): number {
    if (!this.#stolen.irq) return 0;
    if (!this.#stolen.steal) return 1;
    const stolen = this.#stolenTotal(cpus, cpu) - this.#stolenTotal(this.#before.cpus, cpu);
    const irq = difference(cpus, this.#before.cpus, cpu * this.#abi.cpu.size + this.#abi.cpu.irq);
    return stolen > 0n ? Math.min(1, irq / Number(stolen)) : 0;
  }

  #stolenTotal(cpus: Uint32Array, cpu: number): bigint {
    const { cpu: layout, occupant, ringSlices } = this.#abi;
    const base = cpu * layout.size;
    const head = (cpus[(base + layout.head) >> 2] ?? 0) % ringSlices;
    return readBigint(cpus, base + layout.ring + head * occupant.size + occupant.stolen);
  }

  #beforeCell({ cpu, slot }: Place): Cell {
    return { words: this.#before.cells, offset: (cpu * this.#size.slots + slot) * this.#abi.cell.size };
  }

  #empty({ words, offset }: Cell): void {
    words.fill(0, offset >> 2, (offset + this.#abi.cell.size) >> 2);
  }

  #sumsOf(who: bigint): Sums {
    let sums = this.#sums.get(who);
    if (!sums) {
      sums = {
        wait: 0,
        run: 0,
        classes: Object.fromEntries(waitClasses.map((name) => [name, 0])) as Record<WaitClass, number>,
        preemptedBySelf: 0,
        preemptedByKernel: 0,
        buckets: new Map(),
        zeroCount: 0,
      };
      this.#sums.set(who, sums);
    }
    return sums;
  }

  #lose(reason: string, count: number): void {
    if (count) this.#losses.set(reason, (this.#losses.get(reason) ?? 0) + count);
  }
}

export function allocateSnapshot(abi: SchedulerAbi, size: Dimensions): Snapshot {
  return {
    cells: new Uint32Array((abi.cell.size * size.cpus * size.slots) >> 2),
    histograms: new Uint32Array((abi.histogram.size * size.slots * size.histogramCopies) >> 2),
    cpus: new Uint32Array((abi.cpu.size * size.cpus) >> 2),
  };
}

function between(now: Cell, before: Cell, member: number): Nanoseconds {
  return difference(now.words, before.words, now.offset + member, before.offset + member);
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
