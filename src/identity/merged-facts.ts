import type { SourceName } from './source.ts';

interface Entry<T> {
  readonly facts: T;
  /** The latest list of its source that contained it. */
  readonly list: number;
  readonly isLive: boolean;
}

/** The facts of several sources about one pod or container. */
export class MergedFacts<T extends object> {
  readonly #order: readonly SourceName[];
  readonly #bySource = new Map<SourceName, Entry<T>>();
  #merged: T | undefined;

  /** Where two sources differ, the earlier in `order` wins. */
  constructor(order: readonly SourceName[]) {
    this.#order = order;
  }

  /** At least one source has it. */
  get isLive(): boolean {
    return this.#bySource.values().some(({ isLive }) => isLive);
  }

  upsert(source: SourceName, facts: T, list: number): void {
    this.#bySource.set(source, { facts, list, isLive: true });
    this.#merged = undefined;
  }

  isKnownTo(source: SourceName): boolean {
    return this.#bySource.has(source);
  }

  /** The source had it before, and not in this list. */
  isMissingIn(source: SourceName, list: number): boolean {
    const entry = this.#bySource.get(source);
    return entry?.isLive === true && entry.list < list;
  }

  /** The source's facts stay: the other sources may have fewer. */
  markGone(source: SourceName): void {
    const entry = this.#bySource.get(source);
    if (entry) this.#bySource.set(source, { ...entry, isLive: false });
  }

  /** Each field from the first source that has it; the same object until the next `upsert`. */
  get facts(): T {
    this.#merged ??= this.#merge();
    return this.#merged;
  }

  #merge(): T {
    const lastFirst = this.#order.toReversed().flatMap((source) => this.#bySource.get(source)?.facts ?? []);
    return Object.assign({}, ...lastFirst) as T; // complete: the facts of one source alone are a T
  }
}
