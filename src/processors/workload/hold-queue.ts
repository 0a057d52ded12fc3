import type { NameStatus } from '../../identity/pending.ts';
import type { Nanoseconds } from '../../telemetry/units.ts';

export interface HoldQueueOptions<T, Missing> {
  /** Maximum time in the queue. */
  readonly hold: Nanoseconds;
  /** Items held at most, beside those of the latest batch. */
  readonly limit: number;
  elapsed(): Nanoseconds;
  itemsIn(held: T): number;
  missingIn(value: T): readonly Missing[];
  statusOf(missing: Missing): NameStatus;
  onHold(items: number): void;
  onRelease(reason: ReleaseReason, items: number): void;
}

export type ReleaseReason = 'named' | 'expired' | 'limit' | 'shutdown';

interface Held<T, Missing> {
  readonly value: T;
  readonly items: number;
  readonly since: Nanoseconds;
  missing: readonly Missing[];
  hasExpired: boolean;
}

/**
 * A first-in, first-out queue: the first batch waits for its pending names, and later batches wait behind it, so that the
 * order is kept.
 */
export class HoldQueue<T, Missing> {
  readonly #options: HoldQueueOptions<T, Missing>;
  readonly #held: Held<T, Missing>[] = [];
  #items = 0;

  constructor(options: HoldQueueOptions<T, Missing>) {
    this.#options = options;
  }

  /** Returns the batch to send on at once: the value itself or, above the limit, the first held. */
  pass(value: T): T | undefined {
    const { missingIn, itemsIn, elapsed, limit, onHold } = this.#options;
    const missing = missingIn(value);
    if (missing.length === 0 && this.#held.length === 0) return value;
    const items = itemsIn(value);
    onHold(items);
    this.#held.push({ value, items, since: elapsed(), missing, hasExpired: false });
    this.#items += items;
    return this.#items > limit ? this.#releaseFirst('limit') : undefined;
  }

  /** Batches without pending names, or held for the maximum time. */
  release(): T[] {
    const released: T[] = [];
    for (let first = this.#held[0]; first; first = this.#held[0]) {
      const reason = this.#reasonFor(first);
      if (reason === undefined) break;
      released.push(...this.#releasedAs(reason));
    }
    return released;
  }

  /** All batches, at shutdown. */
  flush(): T[] {
    return [...this.#held].flatMap(() => this.#releasedAs('shutdown'));
  }

  #reasonFor(first: Held<T, Missing>): ReleaseReason | undefined {
    const { statusOf, elapsed, hold, limit } = this.#options;
    first.missing = first.missing.filter((missing) => {
      const status = statusOf(missing);
      if (status === 'expired') first.hasExpired = true;
      return status === 'pending';
    });
    if (first.missing.length === 0) return first.hasExpired ? 'expired' : 'named';
    if (elapsed() - first.since >= hold) return 'expired';
    return this.#items > limit ? 'limit' : undefined;
  }

  #releasedAs(reason: ReleaseReason): T[] {
    const first = this.#releaseFirst(reason);
    return first === undefined ? [] : [first];
  }

  #releaseFirst(reason: ReleaseReason): T | undefined {
    const first = this.#held.shift();
    if (!first) return undefined;
    this.#items -= first.items;
    this.#options.onRelease(reason, first.items);
    return first.value;
  }
}
