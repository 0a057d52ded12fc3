import { difference, isZero, readBigint, signedDifference } from '../../bpf/u64.ts';
import { pseudoSerials as pseudo, type SchedulerAbi } from './abi.ts';
import { type KeptCells, kept, unpackedBytes } from './kept-cells.ts';

/** No u32 counter advances so far in one interval. */
const backwards = 2 ** 31;

/** Where a cell lies: in a copy of the map, in a record, or in what is kept. */
export interface Cell {
  readonly words: Uint32Array;
  /** Bytes. */
  readonly offset: number;
}

/** What a cell gained since it was kept. One object for all cells: a large machine has half a million of them. */
export interface CellGains {
  wait: number;
  /** Negative: waits ended, of which parts had been charged before. */
  inProgress: number;
  run: number;
  preemptedBySelf: number;
  preemptedByKernel: number;
  /** By the class's position. */
  readonly classes: Float64Array;
}

export function noGains({ classes }: Pick<SchedulerAbi, 'classes'>): CellGains {
  return {
    ...{ wait: 0, inProgress: 0, run: 0, preemptedBySelf: 0, preemptedByKernel: 0 },
    classes: new Float64Array(Object.keys(classes).length),
  };
}

/** Compares cells with what is kept of them. Offsets are bytes; nothing is allocated. */
export class CellComparison {
  readonly gains: CellGains;
  readonly #cell: SchedulerAbi['cell'];
  readonly #classCount: number;
  /** The kept one. */
  readonly #before: Uint32Array;

  constructor(abi: Pick<SchedulerAbi, 'cell' | 'classes'>) {
    this.#cell = abi.cell;
    this.gains = noGains(abi);
    this.#classCount = this.gains.classes.length;
    this.#before = new Uint32Array(unpackedBytes(this.#classCount) >> 2);
  }

  /** With the cell of that index. Sets `gains`. */
  compare(now: Uint32Array, offset: number, { cells, index }: KeptPlace): void {
    const cell = this.#cell;
    const { gains } = this;
    const before = this.#before;
    cells.unpack(index, before);
    gains.wait = difference(now, before, offset + cell.wait, kept.wait);
    gains.inProgress = signedDifference(now, before, offset + cell.in_progress, kept.inProgress);
    gains.run = difference(now, before, offset + cell.run, kept.run);
    gains.preemptedBySelf = grown(now, before, offset + cell.preempted_by_self, kept.bySelf);
    gains.preemptedByKernel = grown(now, before, offset + cell.preempted_by_kernel, kept.byKernel);
    for (let i = 0; i < this.#classCount; i++)
      gains.classes[i] = difference(now, before, offset + cell.class + i * 8, kept.classes + i * 8);
  }

  /** What was compared was not copied in the middle of a wait, nor while it was emptied for another cgroup. */
  isWhole(now: Uint32Array, offset: number): boolean {
    const { gains } = this;
    if (isZero(now, offset + this.#cell.cgroup) && !this.#isPseudo(now, offset)) return false;
    let sum = 0;
    for (let i = 0; i < this.#classCount; i++) {
      const time = gains.classes[i] ?? 0;
      if (time < 0) return false;
      sum += time;
    }
    return (
      sum === gains.wait &&
      sum >= gains.inProgress &&
      gains.run >= 0 &&
      gains.preemptedBySelf < backwards &&
      gains.preemptedByKernel < backwards
    );
  }

  /** Has no cgroup id, and never gets one. */
  #isPseudo(now: Uint32Array, offset: number): boolean {
    return readBigint(now, offset + this.#cell.serial) >= pseudo.overflow;
  }
}

/** u32 counters wrap; their differences do not. */
function grown(now: Uint32Array, before: Uint32Array, offset: number, at: number): number {
  return ((now[offset >> 2] ?? 0) - (before[at >> 2] ?? 0)) >>> 0;
}

/** A cell among those that are kept. */
export interface KeptPlace {
  readonly cells: KeptCells;
  readonly index: number;
}
