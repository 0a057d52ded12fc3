import type { CgroupId } from '../telemetry/units.ts';

/** A path that a cgroup had, for a time. */
export interface Version {
  readonly id: CgroupId;
  readonly path: string;
  /** CLOCK_MONOTONIC, as all times here. */
  from: bigint;
  /** Undefined: it exists. */
  until: bigint | undefined;
  /** A scan found it; no event gave the time at which it was made. */
  isFromGuessed: boolean;
  /** Of the same id. */
  before: Version | undefined;
}

export type VersionState = 'living' | 'removed';

export interface VersionsOptions {
  /** Beyond it versions that have ended are evicted first; of each kind the oldest first. */
  readonly limit: number;
  /** Added to the number of versions in a state. */
  count(state: VersionState, by: number): void;
  onEvicted(state: VersionState): void;
}

/** Paths of cgroups with the times at which they were true: a chain for each id, newest first. */
export class Versions {
  readonly #options: VersionsOptions;
  readonly #newest = new Map<CgroupId, Version>();
  /** In the order in which they ended. */
  readonly #ended = new Set<Version>();
  #size = 0;

  constructor(options: VersionsOptions) {
    this.#options = options;
  }

  newest(id: CgroupId): Version | undefined {
    return this.#newest.get(id);
  }

  living(id: CgroupId): Version | undefined {
    const newest = this.#newest.get(id);
    return newest?.until === undefined ? newest : undefined;
  }

  *allLiving(): Iterable<Version> {
    for (const version of this.#newest.values()) if (version.until === undefined) yield version;
  }

  /** The version at a time, or the last one before it. Of a version that began `tolerance` later it may be too early. */
  at(id: CgroupId, time: bigint, tolerance: bigint): Version | undefined {
    let version = this.#newest.get(id);
    while (version && time < max(version.from - tolerance, version.before?.until ?? 0n))
      version = version.before;
    return version;
  }

  add(
    id: CgroupId,
    path: string,
    { from, isGuessed = false }: { from: bigint; isGuessed?: boolean },
  ): Version {
    const version = {
      ...{ id, path, from, isFromGuessed: isGuessed },
      ...{ until: undefined, before: this.#newest.get(id) },
    };
    this.#newest.delete(id); // to be the last in order
    this.#newest.set(id, version);
    this.#size++;
    this.#options.count('living', 1);
    while (this.#size > this.#options.limit) this.#evict();
    return version;
  }

  end(version: Version, at: bigint): void {
    version.until = max(at, version.from);
    this.#ended.add(version);
    this.#options.count('living', -1);
    this.#options.count('removed', 1);
  }

  /** Forgets what ended at that time or before. */
  forgetUntil(deadline: bigint): void {
    for (const version of this.#ended) {
      if ((version.until ?? 0n) > deadline) return;
      this.#forget(version);
    }
  }

  #evict(): void {
    const [ended] = this.#ended;
    const [oldest] = this.#newest.values();
    const version = ended ?? oldest;
    if (!version) return;
    this.#forget(version);
    this.#options.onEvicted(ended ? 'removed' : 'living');
  }

  #forget(version: Version): void {
    const newest = this.#newest.get(version.id);
    if (newest !== version) {
      let after = newest;
      while (after && after.before !== version) after = after.before;
      if (after) after.before = version.before;
    } else if (version.before) this.#newest.set(version.id, version.before);
    else this.#newest.delete(version.id);
    this.#size--;
    this.#options.count(this.#ended.delete(version) ? 'removed' : 'living', -1);
  }
}

export function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
