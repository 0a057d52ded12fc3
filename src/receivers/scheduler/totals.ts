import type { LossLedger } from '../../telemetry/losses.ts';
import { nanoseconds } from '../../telemetry/units.ts';
import type { SchedulerAbi } from './abi.ts';
import type { Cell } from './cell.ts';
import { CellTotals, type Place } from './cell-totals.ts';
import { addSums, type CgroupSums, readingOf, SerialSums } from './cgroup-sums.ts';
import { HistogramTotals } from './histogram-totals.ts';
import type { SerialIndex } from './serial-index.ts';
import { SlotOwners } from './slot-owners.ts';
import type { Block, Dimensions } from './snapshot.ts';
import type { CgroupReading, WaitEvent, Waiter } from './source.ts';
import { performInSteps, type Steps } from './steps.ts';
import type { StolenTime } from './stolen-shares.ts';
import { type Shares, StolenSplit } from './stolen-split.ts';

export interface TotalsOptions {
  readonly abi: SchedulerAbi;
  readonly size: Dimensions;
  /** Which stolen time the kernel accounts. */
  readonly stolen: StolenTime;
  readonly index: SerialIndex;
  readonly losses: LossLedger;
}

/** What `SchedulerTotals` gathered in the readings that ended since the last `take`. */
export interface Taken {
  readonly cgroups: readonly CgroupReading[];
  /** The part of the pairs' `other` that is left, for cgroups of which a part was stolen after all. */
  readonly otherKept: ReadonlyMap<Waiter, number>;
  /** `other` of the same, with that part: the sum of their pairs. */
  readonly otherWhole: ReadonlyMap<Waiter, number>;
}

const nothingStolen: Shares = { irq: new Float64Array(), steal: new Float64Array() };
const retries = 3;
/** Named in one step. */
const cgroupsAtOnce = 512;

/**
 * Turns running totals into what happened since the reading before, per cgroup. Exact also when a css id went from one
 * cgroup to another in between: the kernel side sends the last totals of a cell before it empties it.
 */
export class SchedulerTotals {
  readonly #index: SerialIndex;
  readonly #losses: LossLedger;
  readonly #stolen: StolenSplit;
  readonly #owners = new SlotOwners();
  readonly #sums = new SerialSums();
  readonly #cells: CellTotals;
  readonly #histograms: HistogramTotals;
  readonly #cpusBefore: Uint32Array;

  constructor({ stolen, ...shared }: TotalsOptions) {
    const { abi, size, index, losses } = shared;
    this.#index = index;
    this.#losses = losses;
    this.#stolen = new StolenSplit(abi, size.rows, stolen);
    const parts = { ...shared, owners: this.#owners, sums: this.#sums };
    this.#cells = new CellTotals({ ...parts, stolen: this.#stolen });
    this.#histograms = new HistogramTotals(parts);
    this.#cpusBefore = new Uint32Array((abi.cpu.size * size.rows) >> 2);
  }

  /** Of what is kept from one reading to the next; memory of slots that are never used is never touched. */
  get bytes(): number {
    return this.#cells.bytes + this.#histograms.bytes + this.#cpusBefore.byteLength;
  }

  /** The last totals of a cell whose slot went to another cgroup; in any order with the copies of the map. */
  retire(place: Place, record: Cell): void {
    this.#cells.retire(place, record);
  }

  /** A cgroup was removed: what its slot holds up to now is its own. */
  closeSlot(now: Block, slot: number, serial: bigint): void {
    this.#owners.claimSlot(slot, serial);
    this.#cells.advance(now, slot);
    this.#histograms.advance(now, slot);
    this.#owners.markGone(slot, serial);
  }

  /**
   * A reading begins: all slots are advanced, then it ends; other work may be done in between. `cpus` is a copy of the map;
   * `shares` are the parts of the time since the reading before that were stolen and are not in the kernel's totals as such.
   */
  begin(cpus: Uint32Array, shares = nothingStolen): void {
    this.#stolen.applyShares(shares);
    this.#stolen.advance(cpus, this.#cpusBefore);
    this.#cpusBefore.set(cpus);
    this.#cells.beginReading(shares);
  }

  /**
   * A cell copied half-way through a wait does not sum up; the block is copied again, and after some attempts such a cell is
   * left to the next reading, whole.
   */
  advance(copy: () => Block): void {
    let now = copy();
    let torn = this.#advanceCells(now);
    for (let attempt = 0; attempt < retries && torn; attempt++) {
      now = copy();
      torn = this.#advanceCells(now);
    }
    this.#losses.add('reading_delayed', torn);
    for (let slot = now.first; slot < now.first + now.count; slot++)
      if (this.#owners.has(slot)) this.#histograms.advance(now, slot);
  }

  /** What comes out of the ring from now on is the next reading's. */
  end(): void {
    this.#cells.endReading();
    this.#sums.end();
  }

  *take(): Steps<Taken> {
    const byCgroup = new Map<Waiter, CgroupSums>(); // one that lost and regained the cpu controller was two
    yield* performInSteps(this.#sums.take(), cgroupsAtOnce, ([serial, sums]) => {
      const cgroup = this.#index.find(serial);
      if (cgroup === undefined || cgroup === 'idle') this.#losses.add('cgroup_unnamed');
      else byCgroup.set(cgroup, addSums(byCgroup.get(cgroup), sums));
    });
    const cgroups: CgroupReading[] = [];
    const otherKept = new Map<Waiter, number>();
    const otherWhole = new Map<Waiter, number>();
    yield* performInSteps(byCgroup, cgroupsAtOnce, ([cgroup, sums]) => {
      cgroups.push(readingOf(cgroup, sums));
      const { classes, stolenFromOther } = sums;
      if (!stolenFromOther) return;
      const whole = classes.other + stolenFromOther;
      otherWhole.set(cgroup, whole);
      otherKept.set(cgroup, classes.other / whole);
    });
    return { cgroups, otherKept, otherWhole };
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
  #advanceCells(now: Block): number {
    let torn = 0;
    for (let slot = now.first; slot < now.first + now.count; slot++) torn += this.#cells.advance(now, slot);
    return torn;
  }
}
