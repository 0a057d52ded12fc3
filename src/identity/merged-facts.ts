import type { SourceName } from './source.ts';

interface Statement<T> {
  readonly facts: T;
  /** The list of its source that had it last. */
  readonly list: number;
  readonly isLive: boolean;
}

/** What several sources said of one thing. */
export class Known<T extends object> {
  readonly #order: readonly SourceName[];
  readonly #said = new Map<SourceName, Statement<T>>();
  #merged: T | undefined;

  /** Where two sources differ, the earlier in `order` is right. */
  constructor(order: readonly SourceName[]) {
    this.#order = order;
  }

  /** One source is enough. */
  get isLive(): boolean {
    return this.#said.values().some(({ isLive }) => isLive);
  }

  say(source: SourceName, facts: T, list: number): void {
    this.#said.set(source, { facts, list, isLive: true });
    this.#merged = undefined;
  }

  isSaidBy(source: SourceName): boolean {
    return this.#said.has(source);
  }

  /** The source said so before, and not in this list. */
  isMissingIn(source: SourceName, list: number): boolean {
    const said = this.#said.get(source);
    return said?.isLive === true && said.list < list;
  }

  /** What it said is kept: others may know less. */
  gone(source: SourceName): void {
    const said = this.#said.get(source);
    if (said) this.#said.set(source, { ...said, isLive: false });
  }

  /** Field by field what the first source says that knows it; the same object until something is said. */
  get facts(): T {
    this.#merged ??= this.#merge();
    return this.#merged;
  }

  #merge(): T {
    const lastFirst = this.#order.toReversed().flatMap((source) => this.#said.get(source)?.facts ?? []);
    return Object.assign({}, ...lastFirst) as T; // complete: the facts of one source alone are a T
  }
}
