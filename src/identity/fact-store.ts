import type { Nanoseconds } from '../telemetry/units.ts';
import { MergedFacts } from './merged-facts.ts';
import type { SourceName } from './source.ts';

export interface FactStoreOptions {
  /** Where two sources differ, the earlier wins. */
  readonly order: readonly SourceName[];
  /** How long facts are kept after removal, for late data. */
  readonly keepRemoved: Nanoseconds;
  /** Entries kept at most; those removed longest ago are evicted first. */
  readonly limit: number;
  elapsed(): Nanoseconds;
}

export type Eviction = 'expired' | 'limit';

/** Called with the last facts of an entry that is evicted. */
export type OnEvict<T> = (id: string, facts: T, reason: Eviction) => void;

/** The facts of all sources about pods, or about containers, by id. */
export class FactStore<T extends object> {
  readonly #options: FactStoreOptions;
  readonly #onEvict: OnEvict<T>;
  /** Least recently updated first. */
  readonly #entries = new Map<string, MergedFacts<T>>();
  /** Time of removal, the earliest first. */
  readonly #goneAt = new Map<string, Nanoseconds>();

  constructor(options: FactStoreOptions, onEvict: OnEvict<T>) {
    this.#options = options;
    this.#onEvict = onEvict;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The same object until the next update of this id. */
  get(id: string): T | undefined {
    return this.#entries.get(id)?.facts;
  }

  isKnownTo(source: SourceName, id: string): boolean {
    return this.#entries.get(id)?.isKnownTo(source) ?? false;
  }

  /** `list`: the number of the source's list. */
  upsert(
    source: SourceName,
    id: string,
    { facts, list }: { readonly facts: T; readonly list: number },
  ): void {
    const entry = this.#entries.get(id) ?? new MergedFacts<T>(this.#options.order);
    entry.upsert(source, facts, list);
    this.#entries.delete(id);
    this.#entries.set(id, entry);
    this.#goneAt.delete(id);
    if (this.#entries.size <= this.#options.limit) return;
    const [first] = this.#goneAt.size > 0 ? this.#goneAt.keys() : this.#entries.keys();
    if (first !== undefined) this.#evict(first, 'limit');
  }

  markGone(source: SourceName, id: string): void {
    const entry = this.#entries.get(id);
    entry?.markGone(source);
    if (entry && !entry.isLive && !this.#goneAt.has(id)) this.#goneAt.set(id, this.#options.elapsed());
  }

  /** Entries of the source's former lists that this one lacks are gone. */
  endList(source: SourceName, list: number): void {
    for (const [id, entry] of this.#entries) if (entry.isMissingIn(source, list)) this.markGone(source, id);
  }

  /** Evicts entries gone for longer than `keepRemoved`. */
  sweep(): void {
    const before = this.#options.elapsed() - this.#options.keepRemoved;
    for (const [id, goneAt] of this.#goneAt) {
      if (goneAt > before) break;
      this.#evict(id, 'expired');
    }
  }

  #evict(id: string, reason: Eviction): void {
    const facts = this.get(id);
    this.#entries.delete(id);
    this.#goneAt.delete(id);
    if (facts) this.#onEvict(id, facts, reason);
  }
}
