import { merge } from './merge.ts';
import type { Item, Kept, Wait } from './wait.ts';

export interface WindowOptions {
  /** Waits kept as they are. */
  readonly longest: number;
  /** Bands of duration for the others, to a doubling. */
  readonly bandsPerDoubling: number;
  random(): number;
  /** One of two others was dropped. */
  onDrop(): void;
}

/** The longest waits of a time, and of the others one for each band of duration, with the weight of all in the band. */
export class Window<T extends Item> {
  readonly #options: WindowOptions;
  /** From the shortest on. */
  readonly #longest: Wait<T>[] = [];
  readonly #others = new Map<number, Wait<T>>();

  constructor(options: WindowOptions) {
    this.#options = options;
  }

  add(wait: Wait<T>): void {
    const { longest } = this.#options;
    const [shortest] = this.#longest;
    const isFull = this.#longest.length === longest;
    if (isFull && (shortest === undefined || wait.duration <= shortest.duration)) {
      this.#addOther(wait);
      return;
    }
    this.#longest.splice(this.#indexFor(wait), 0, wait);
    const displaced = isFull ? this.#longest.shift() : undefined;
    if (displaced) this.#addOther(displaced);
  }

  /** Waits that it holds. */
  get size(): number {
    return this.#longest.length + this.#others.size;
  }

  waits(): readonly Kept<T>[] {
    return [
      ...this.#longest.map((wait) => ({ ...wait, reason: 'longest' as const })),
      ...[...this.#others.values()].map((wait) => ({ ...wait, reason: 'others' as const })),
    ];
  }

  #addOther(wait: Wait<T>): void {
    const { bandsPerDoubling, random, onDrop } = this.#options;
    const band = Math.floor(Math.log2(wait.duration) * bandsPerDoubling);
    const before = this.#others.get(band);
    if (before) onDrop();
    this.#others.set(band, before ? merge(before, wait, random) : wait);
  }

  #indexFor({ duration }: Wait<T>): number {
    let low = 0;
    let high = this.#longest.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#longest[middle]?.duration ?? 0) < duration) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
