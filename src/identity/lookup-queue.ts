import { BackOff } from '../net/back-off.ts';
import { type Nanoseconds, nanoseconds } from '../telemetry/units.ts';

/** Requests kept; the oldest are dropped first and start anew when requested again. */
const maxRequests = 1024;
const firstPause = nanoseconds(500e6);

/** Lists without the id after which it is looked up only if it is requested again. */
const maxMisses = 5;

interface Lookup {
  readonly backOff: BackOff;
  isOpen: boolean;
  misses: number;
}

/**
 * Ids whose facts are requested. An id that a list lacked is looked up with back-off: a container of another runtime, or a
 * cgroup that only resembles a container's, must not keep this source listing.
 */
export class LookupQueue {
  readonly #lookups = new Map<string, Lookup>();
  readonly #slowest: Nanoseconds;
  readonly #random: () => number;

  constructor(slowest: Nanoseconds, random: () => number) {
    this.#slowest = slowest;
    this.#random = random;
  }

  request(key: string, now: Nanoseconds): void {
    const lookup = this.#lookups.get(key) ?? this.#add(key);
    lookup.isOpen ||= lookup.backOff.isDue(now);
  }

  isDue(now: Nanoseconds): boolean {
    return this.due(now).length > 0;
  }

  due(now: Nanoseconds): readonly string[] {
    return [...this.#lookups].flatMap(([key, { isOpen, backOff }]) =>
      isOpen && backOff.isDue(now) ? [key] : [],
    );
  }

  /** A list that began after these were due is complete. */
  complete(
    keys: readonly string[],
    { now, isKnown }: { readonly now: Nanoseconds; isKnown(key: string): boolean },
  ): void {
    for (const key of keys) {
      if (isKnown(key)) this.#lookups.delete(key);
      else {
        const lookup = this.#lookups.get(key);
        if (!lookup) continue;
        lookup.misses++;
        lookup.isOpen = lookup.misses < maxMisses;
        lookup.backOff.postpone(now);
      }
    }
  }

  #add(key: string): Lookup {
    if (this.#lookups.size >= maxRequests) {
      const [oldest] = this.#lookups.keys();
      if (oldest !== undefined) this.#lookups.delete(oldest);
    }
    const limits = { first: firstPause, last: nanoseconds(Math.max(this.#slowest, firstPause)) };
    const lookup = { backOff: new BackOff(limits, this.#random), isOpen: false, misses: 0 };
    this.#lookups.set(key, lookup);
    return lookup;
  }
}
