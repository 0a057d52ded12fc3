import { isZero, readBigint } from '../../bpf/u64.ts';
import type { CgroupId } from '../../telemetry/units.ts';
import type { SchedulerAbi } from './abi.ts';
import { type Cell, CellComparison } from './cell.ts';
import type { CgroupSums, SerialSums } from './cgroup-sums.ts';
import { KeptCells } from './kept-cells.ts';
import type { SerialIndex } from './serial-index.ts';
import { SlotGains } from './slot-gains.ts';
import type { SlotOwners } from './slot-owners.ts';
import type { Block, Dimensions } from './snapshot.ts';
import type { Shares, StolenSplit } from './stolen-split.ts';

export interface CellOptions {
  readonly abi: SchedulerAbi;
  readonly size: Dimensions;
  readonly index: SerialIndex;
  readonly owners: SlotOwners;
  readonly stolen: StolenSplit;
  readonly sums: SerialSums;
}

export interface Place {
  readonly cpu: number;
  readonly slot: number;
}

/** A copy whose rows are advanced one after the other: cells of one slot mostly are one cgroup's. */
interface Advancing {
  readonly slot: number;
  readonly cells: Uint32Array;
}

/**
 * Turns the running totals of the cells into what was added since the reading before, by serial number. Exact also when a
 * slot went from one cgroup to another in between.
 */
export class CellTotals {
  readonly #of: CellOptions;
  readonly #comparison: CellComparison;
  /** At [slot][row]: pages of slots that were never used are never touched. */
  readonly #before: KeptCells;
  readonly #gains: SlotGains;
  /** Whose gains they are. */
  #cgroup: { readonly serial: bigint; readonly offset: number; readonly sums: CgroupSums } | undefined;
  /** By kept cell: the cgroup retired from it last. A copy made before may still show it, or one before it. */
  readonly #retired = new Map<number, bigint>();
  /** Former totals of cells whose copy already shows another cgroup, until the record of the former one arrives. */
  readonly #unretiredTotals = new Map<string, { readonly cells: KeptCells; isOld: boolean }>();
  /** Of the reading that is being taken. */
  #shares: Shares | undefined;

  constructor(options: CellOptions) {
    const { abi, size } = options;
    this.#of = options;
    this.#comparison = new CellComparison(abi);
    this.#before = new KeptCells(abi, size.rows * size.slots);
    this.#gains = new SlotGains(abi);
  }

  get bytes(): number {
    return this.#before.bytes;
  }

  /** From here to `endReading` it is known which part of the time was stolen. */
  beginReading(shares: Shares): void {
    this.#shares = shares;
  }

  /** A record that has not come by the next reading was lost, and the kernel side has counted it. */
  endReading(): void {
    this.#shares = undefined;
    for (const [key, totals] of this.#unretiredTotals)
      if (totals.isOld) this.#unretiredTotals.delete(key);
      else totals.isOld = true;
  }

  /** The last totals of a cell whose slot went to another cgroup; in any order with the copies of the map. */
  retire({ cpu, slot }: Place, { words, offset }: Cell): void {
    const comparison = this.#comparison;
    const before = this.#before;
    const index = this.#indexOf(slot, cpu);
    const serial = readBigint(words, offset + this.#of.abi.cell.serial);
    const key = unretiredKey(serial, index);
    if (before.isSameCgroup(words, offset, index)) {
      comparison.compare(words, offset, { cells: before, index });
      before.forget(index);
    } else {
      const former = this.#unretiredTotals.get(key)?.cells ?? new KeptCells(this.#of.abi, 1);
      comparison.compare(words, offset, { cells: former, index: 0 });
    }
    this.#add(cpu, words, offset);
    this.#endCgroup({ slot, cells: words });
    this.#unretiredTotals.delete(key);
    this.#retired.set(index, serial);
  }

  /** How many cells of a slot are not whole in its copy. */
  advance(block: Block, slot: number): number {
    const { size, abi } = this.#of;
    const copy = { slot, cells: block.cells };
    let torn = 0;
    for (let row = 0; row < size.rows; row++)
      if (!this.#advanceCell(copy, row, (row * block.count + slot - block.first) * abi.cell.size)) torn++;
    this.#endCgroup(copy);
    return torn;
  }

  /** False if the copy is not whole. */
  #advanceCell(copy: Advancing, row: number, offset: number): boolean {
    const { cells } = copy;
    if (isZero(cells, offset + this.#of.abi.cell.serial)) return true;
    const comparison = this.#comparison;
    const before = this.#before;
    const index = this.#indexOf(copy.slot, row);
    const isKnown = before.isSameCgroup(cells, offset, index);
    if (!isKnown && !this.#meet(copy, { offset, index })) return true;
    if (before.isUnchanged(cells, offset, index)) return true;
    comparison.compare(cells, offset, { cells: before, index });
    if (!comparison.isWhole(cells, offset)) return false;
    this.#beginCgroup(copy, offset);
    this.#add(row, cells, offset);
    before.keep(cells, offset, index);
    return true;
  }

  /** A cgroup is in a cell for the first time. False: it is one that has been retired from there. */
  #meet(
    { slot, cells }: Advancing,
    { offset, index: at }: { readonly offset: number; readonly index: number },
  ): boolean {
    const { abi, owners, index } = this.#of;
    const serial = readBigint(cells, offset + abi.cell.serial);
    if ((this.#retired.get(at) ?? 0n) >= serial) return false; // serial numbers only rise
    this.#endCgroup({ slot, cells });
    owners.claimSlot(slot, serial);
    index.learn(serial, readBigint(cells, offset + abi.cell.cgroup) as CgroupId);
    this.#keepUnretired(at);
    this.#before.keepSerial(cells, offset, at);
    owners.contestIfFormer(slot, serial);
    return true;
  }

  #keepUnretired(at: number): void {
    const serial = this.#before.serial(at);
    if (serial === 0n) return;
    this.#unretiredTotals.set(unretiredKey(serial, at), { cells: this.#before.copy(at), isOld: false });
  }

  /** What was compared belongs to the cgroup of the cell at `offset`. */
  #add(row: number, words: Uint32Array, offset: number): void {
    const { stolen } = this.#of;
    this.#cgroup ??= this.#cgroupAt(words, offset);
    this.#gains.add(this.#comparison.gains, stolen.irqShare(row));
    stolen.take(row, { sums: this.#cgroup.sums, gained: this.#comparison.gains.classes }, this.#shares);
  }

  #cgroupAt(words: Uint32Array, offset: number) {
    const serial = readBigint(words, offset + this.#of.abi.cell.serial);
    return { serial, offset, sums: this.#of.sums.of(serial) };
  }

  /** What was gained so far is another cgroup's. */
  #beginCgroup(copy: Advancing, offset: number): void {
    const { serial } = this.#of.abi.cell;
    const former = this.#cgroup?.offset;
    if (former === undefined || isSameSerial(copy.cells, former + serial, offset + serial)) return;
    this.#endCgroup(copy);
  }

  #endCgroup({ slot, cells }: Advancing): void {
    if (!this.#cgroup) return;
    const { serial, offset, sums } = this.#cgroup;
    const { abi, owners, index } = this.#of;
    index.learn(serial, readBigint(cells, offset + abi.cell.cgroup) as CgroupId);
    owners.claimSlot(slot, serial, this.#gains.hasWaited);
    this.#gains.moveTo(sums);
    this.#cgroup = undefined;
  }

  #indexOf(slot: number, row: number): number {
    return slot * this.#of.size.rows + row;
  }
}

function isSameSerial(words: Uint32Array, a: number, b: number): boolean {
  return words[a >> 2] === words[b >> 2] && words[(a >> 2) + 1] === words[(b >> 2) + 1];
}

function unretiredKey(serial: bigint, at: number): string {
  return `${serial} ${at}`;
}
