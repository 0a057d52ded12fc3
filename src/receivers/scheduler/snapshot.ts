import type { SchedulerAbi } from './abi.ts';

export interface Dimensions {
  /** CPUs, and a last row for waits in progress. */
  readonly rows: number;
  readonly slots: number;
  /** 2^this neighbouring CPUs share a copy of each histogram. */
  readonly histogramShift: number;
  readonly histogramCopies: number;
}

/** Some slots, one after the other. */
export interface SlotRange {
  readonly first: number;
  readonly count: number;
}

/**
 * Copies of the kernel's cells and histograms of some slots, the histograms first: what has counted in them has claimed a
 * cell before, and is seen in the cells or retired from them.
 */
export interface Block extends SlotRange {
  /** `cell` at [row][slot - first]. */
  readonly cells: Uint32Array;
  /** `histogram` at [copy][slot - first]. */
  readonly histograms: Uint32Array;
}

/** A buffer of this size stays in the CPU's cache, and a block of it is read in 1 to 3 ms. */
const blockBytes = 512 * 1024;
/** Of each row, 2 KiB: fewer would make copies that cost more than their bytes. */
const leastSlots = 16;

/** How many slots are read at once. */
export function slotsAtOnce({ cell }: Pick<SchedulerAbi, 'cell'>, { rows, slots }: Dimensions): number {
  return Math.min(slots, Math.max(leastSlots, Math.floor(blockBytes / (rows * cell.size))));
}

/** Room for `count` slots. */
export function allocateBlock(abi: SchedulerAbi, size: Dimensions, count: number): Block {
  return {
    ...{ first: 0, count },
    cells: new Uint32Array((abi.cell.size * size.rows * count) >> 2),
    histograms: new Uint32Array((abi.histogram.size * size.histogramCopies * count) >> 2),
  };
}

/** The first `count` slots of a buffer, for a block that begins at `first`. */
export function blockAt(buffer: Block, { first, count }: SlotRange): Block {
  const part = (words: Uint32Array) => words.subarray(0, (words.length / buffer.count) * count);
  return { first, count, cells: part(buffer.cells), histograms: part(buffer.histograms) };
}

/** Copies what a block of one slot holds into a block that has the slot too. */
export function copySlot(one: Block, to: Block, { rows, histogramCopies }: Dimensions): void {
  const column = one.first - to.first;
  for (const [member, height] of [
    ['cells', rows],
    ['histograms', histogramCopies],
  ] as const) {
    const words = one[member].length / height;
    for (let row = 0; row < height; row++)
      to[member].set(one[member].subarray(row * words, (row + 1) * words), (row * to.count + column) * words);
  }
}
