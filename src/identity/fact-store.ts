import type { Nanoseconds } from '../telemetry/units.ts';
import { Known } from './merged-facts.ts';
import type { SourceName } from './source.ts';

export interface RegisterOptions {
  /** Where two sources differ, the earlier is right. */
  readonly order: readonly SourceName[];
  /** How long what is gone is remembered, for data that is late. */
  readonly keepRemoved: Nanoseconds;
  /** Things remembered at most; the ones gone longest make room first. */
  readonly limit: number;
  elapsed(): Nanoseconds;
}

/** What is told beside the facts when something is forgotten. */
export type Forget<T> = (id: string, facts: T, why: 'gone' | 'no room') => void;

/** What the sources know of things of one sort, by id. */
export class Register<T extends object> {
  readonly #options: RegisterOptions;
  readonly #onForget: Forget<T>;
  /** The longest not said first. */
  readonly #known = new Map<string, Known<T>>();
  /** When it went, the longest gone first. */
  readonly #gone = new Map<string, Nanoseconds>();

  constructor(options: RegisterOptions, onForget: Forget<T>) {
    this.#options = options;
    this.#onForget = onForget;
  }

  get size(): number {
    return this.#known.size;
  }

  /** The same object until something is said about it. */
  get(id: string): T | undefined {
    return this.#known.get(id)?.facts;
  }

  isSaidBy(source: SourceName, id: string): boolean {
    return this.#known.get(id)?.isSaidBy(source) ?? false;
  }

  /** `list`: the number of the source's list. */
  say(source: SourceName, id: string, { facts, list }: { readonly facts: T; readonly list: number }): void {
    const known = this.#known.get(id) ?? new Known<T>(this.#options.order);
    known.say(source, facts, list);
    this.#known.delete(id);
    this.#known.set(id, known);
    this.#gone.delete(id);
    if (this.#known.size <= this.#options.limit) return;
    const [first] = this.#gone.size > 0 ? this.#gone.keys() : this.#known.keys();
    if (first !== undefined) this.#forget(first, 'no room');
  }

  gone(source: SourceName, id: string): void {
    const known = this.#known.get(id);
    known?.gone(source);
    if (known && !known.isLive && !this.#gone.has(id)) this.#gone.set(id, this.#options.elapsed());
  }

  /** What was in a list of the source before and not in this one is gone. */
  endList(source: SourceName, list: number): void {
    for (const [id, known] of this.#known) if (known.isMissingIn(source, list)) this.gone(source, id);
  }

  /** Forgets what has been gone long enough. */
  sweep(): void {
    const before = this.#options.elapsed() - this.#options.keepRemoved;
    for (const [id, since] of this.#gone) {
      if (since > before) break;
      this.#forget(id, 'gone');
    }
  }

  #forget(id: string, why: 'gone' | 'no room'): void {
    const facts = this.get(id);
    this.#known.delete(id);
    this.#gone.delete(id);
    if (facts) this.#onForget(id, facts, why);
  }
}
