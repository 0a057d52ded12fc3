import { isSame, wordsOf } from '../../bpf/u64.ts';
import type { SchedulerAbi } from './abi.ts';

/** A packed copy of the pair map. */
export interface PairCopy {
  readonly keys: Uint8Array;
  readonly values: Uint8Array;
  readonly count: number;
}

/** Of an entry that is not there. */
export const absent = -1;

const multiplier = 0x9e3779b1;

/**
 * The pairs of the reading before: a packed copy as the kernel gives it, found by key. It has arrays and no objects, as there may
 * be a hundred thousand pairs.
 */
export class PairTable {
  readonly #keys: Uint32Array;
  readonly #values: Uint32Array;
  /** Readings in which the pair moved and had no name. */
  readonly #nameless: Uint8Array;
  /** Open addressing; entry + 1, or 0. */
  readonly #places: Int32Array;
  readonly #keyWords: number;
  readonly #valueWords: number;
  #count = 0;

  constructor({ pair, pairKey }: Pick<SchedulerAbi, 'pair' | 'pairKey'>, limit: number) {
    this.#keyWords = pairKey.size >> 2;
    this.#valueWords = pair.size >> 2;
    this.#keys = new Uint32Array(limit * this.#keyWords);
    this.#values = new Uint32Array(limit * this.#valueWords);
    this.#nameless = new Uint8Array(limit);
    this.#places = new Int32Array(2 ** Math.ceil(Math.log2(limit * 2)));
  }

  get bytes(): number {
    const { byteLength } = this.#keys;
    return byteLength + this.#values.byteLength + this.#nameless.byteLength + this.#places.byteLength;
  }

  get values(): Uint32Array {
    return this.#values;
  }

  namelessFor(entry: number): number {
    return this.#nameless[entry] ?? 0;
  }

  /** The entry of the same pair, or `absent`. */
  find(keys: Uint32Array, i: number): number {
    const mask = this.#places.length - 1;
    for (let place = hash(keys, i * this.#keyWords, this.#keyWords) & mask; ; place = (place + 1) & mask) {
      const entry = (this.#places[place] ?? 0) - 1;
      if (entry === absent || this.#isAt(entry, keys, i)) return entry;
    }
  }

  /** What of a copy is to be known at the next reading. */
  replace({ keys, values, count }: PairCopy, { isKept, nameless }: PairMarks): void {
    const from = { keys: wordsOf(keys), values: wordsOf(values) };
    this.#count = 0;
    this.#places.fill(0);
    for (let i = 0; i < count; i++) if (isKept[i]) this.#add(from, i, nameless[i] ?? 0);
  }

  #add(
    from: { readonly keys: Uint32Array; readonly values: Uint32Array },
    i: number,
    nameless: number,
  ): void {
    const entry = this.#count++;
    for (let word = 0; word < this.#keyWords; word++)
      this.#keys[entry * this.#keyWords + word] = from.keys[i * this.#keyWords + word] ?? 0;
    for (let word = 0; word < this.#valueWords; word++)
      this.#values[entry * this.#valueWords + word] = from.values[i * this.#valueWords + word] ?? 0;
    this.#nameless[entry] = nameless;
    const mask = this.#places.length - 1;
    let place = hash(from.keys, i * this.#keyWords, this.#keyWords) & mask;
    while (this.#places[place]) place = (place + 1) & mask;
    this.#places[place] = entry + 1;
  }

  #isAt(entry: number, keys: Uint32Array, i: number): boolean {
    const at = entry * this.#keyWords * 4;
    const offset = i * this.#keyWords * 4;
    return isSame(this.#keys, keys, at, offset) && isSame(this.#keys, keys, at + 8, offset + 8);
  }
}

/** Of the entries of a copy. */
export interface PairMarks {
  readonly isKept: Uint8Array;
  readonly nameless: Uint8Array;
}

function hash(words: Uint32Array, at: number, count: number): number {
  let all = 0;
  for (let word = 0; word < count; word++) all = Math.imul(all ^ (words[at + word] ?? 0), multiplier);
  return (all ^ (all >>> 15)) >>> 0;
}
