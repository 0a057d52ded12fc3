import { clockOffset } from '../machine/clock-offset.ts';
import type { CgroupId, MonotonicNanoseconds, Nanoseconds, UnixNanoseconds } from '../telemetry/units.ts';
import { milliseconds, seconds } from '../telemetry/units.ts';
import { isBelow } from './path/is-below.ts';
import type { Scan } from './scan.ts';
import { max, type Version, type VersionState, Versions } from './versions.ts';

/** Something that happened to a cgroup's directory. */
export interface CgroupChange {
  /** `seen`: it is there, since an unknown time. */
  readonly kind: 'made' | 'seen' | 'renamed' | 'removed';
  readonly id: CgroupId;
  /**
   * Below the hierarchy's root (`/kubepods/burstable/pod…/…`, `/` for the root itself), independent of the agent's
   * namespace; the new one of a renamed cgroup. Undefined: too long for the event.
   */
  readonly path: string | undefined;
  /** Absent: now. */
  readonly at?: MonotonicNanoseconds;
}

/** Which directory a cgroup id is, now or, for a removed one, last. */
export interface CgroupPaths {
  /**
   * Undefined: never seen, or forgotten. With `at`, of the cgroup that had the id then, or last before: ids may be used
   * again. Of an interval ask for its end, as a cgroup may be made in the midst of it.
   */
  path(id: CgroupId, at?: UnixNanoseconds): string | undefined;
  /** Those that exist, as far as is known. */
  living(): Iterable<{ readonly id: CgroupId; readonly path: string }>;
}

export interface RegistryOptions {
  /** Names remembered; beyond it those of removed cgroups are forgotten first, of each kind the oldest first. */
  readonly maxCgroups: number;
  /** How long a removed cgroup keeps its name, for data that is late. */
  readonly keepRemoved: Nanoseconds;
  /** Lists the directories; undefined: they cannot be seen. */
  scan(): Scan | undefined;
  /** CLOCK_MONOTONIC. */
  monotonic(): MonotonicNanoseconds;
  /** Wall clock. */
  now(): UnixNanoseconds;
  /** Added to the number of names known, by state. */
  known(state: VersionState, by: number): void;
  /** A name was evicted, or could not be read. */
  lose(reason: RegistryLoss): void;
}

export type RegistryLoss = 'limit_removed' | 'limit_living' | 'unreadable';

/** A registry that knows what exists from the first moment on. */
export function openRegistry(options: RegistryOptions): CgroupRegistry {
  const registry = new CgroupRegistry(options);
  registry.scan();
  return registry;
}

type Named = CgroupChange & { readonly path: string };

/** The wall clock is read in whole milliseconds, so that data may seem to be a little older than it is. */
const clockTolerance = BigInt(milliseconds(5));
const shortestPause = seconds(1);
/** Between two scans, in times of the first: at most 1 % of a CPU goes into scanning, however many cgroups there are. */
const pauseFactor = 100;
/** While events report every change, a scan only makes sure. */
const reconcileAfter = seconds(300);

/**
 * Ids and paths of a cgroup hierarchy, with the times at which they were true. A scan at start, then the kernel's events;
 * another scan where events are missing or an id is unknown.
 */
export class CgroupRegistry implements CgroupPaths {
  readonly #options: RegistryOptions;
  readonly #versions: Versions;
  /** Begin of the last complete scan: what exists since before it, it has found. */
  #scannedAt = 0n;
  /** End of the last scan, complete or not. */
  #triedAt: bigint | undefined;
  #pause: bigint = BigInt(shortestPause);
  #drain: (() => void) | undefined;
  /** Events up to then have been applied. */
  #drainedAt = 0n;
  #isStale = false;

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.#versions = new Versions({
      limit: options.maxCgroups,
      count: (state, by) => options.known(state, by),
      onEvicted: (state) => options.lose(`limit_${state}`),
    });
  }

  path(id: CgroupId, at?: UnixNanoseconds): string | undefined {
    this.#forgetExpired();
    const time = at === undefined ? 0n : at - clockOffset(this.#options);
    if (time > this.#drainedAt || !this.#versions.newest(id)) this.#applyPending();
    if (this.#isStale || !this.#versions.newest(id)) this.#scanIfDue();
    if (at === undefined) return this.#versions.newest(id)?.path;
    return this.#versions.at(id, time, clockTolerance)?.path;
  }

  *living() {
    this.#applyPending();
    const isFresh = this.#drain && this.#age() < reconcileAfter && !this.#isStale;
    if (!isFresh) this.#scanIfDue();
    for (const { id, path } of this.#versions.allLiving()) yield { id, path };
  }

  /** Applies an event; those of one cgroup come in the order in which they happened. */
  apply({ at = this.#options.monotonic(), ...change }: CgroupChange): void {
    this.#forgetExpired();
    const { kind, id, path } = change;
    if (kind === 'removed') this.#applyEnd(change, at);
    else if (path !== undefined) this.#applyName({ kind, id, path }, at);
    else if (kind !== 'seen' || !this.#versions.living(id)) {
      const living = this.#versions.living(id);
      if (living) this.#versions.end(living, at);
      this.#isStale = true;
    }
  }

  /** From now on events report every change; `drain` applies those that are pending. Returns a function that ends this. */
  follow(drain: () => void): () => void {
    this.#drain = drain;
    this.scan(); // what was made since the first scan
    return () => {
      this.#drain = undefined;
    };
  }

  /** Some events are missing: the next look-up scans, as soon as the pause between scans allows. */
  markStale(): void {
    this.#isStale = true;
  }

  /** Pending events are applied first, so that no event is older than the scan before it. */
  scan(): void {
    this.#applyPending();
    const begin = this.#options.monotonic();
    const found = this.#options.scan();
    if (found) this.#reconcile(found, begin);
    this.#triedAt = this.#options.monotonic();
    const took = this.#triedAt - begin;
    this.#pause = max(BigInt(shortestPause), took * BigInt(pauseFactor));
    this.#isStale = false;
  }

  #applyPending(): void {
    const now = this.#options.monotonic();
    this.#drain?.();
    this.#drainedAt = now;
  }

  #applyEnd({ id, path }: CgroupChange, at: bigint): void {
    const living = this.#versions.living(id);
    if (living) this.#versions.end(living, at);
    else if (path !== undefined && !this.#versions.newest(id))
      this.#versions.end(this.#versions.add(id, path, { from: this.#lastAbsentBefore(at) }), at);
  }

  #applyName({ kind, id, path }: Named, at: bigint): void {
    const living = this.#versions.living(id);
    if (kind === 'renamed') {
      if (living) this.#renameBelow(living.path, path, at);
      else this.#isStale = true; // all below it may have another path too
    }
    if (living?.path === path) {
      if (living.isFromGuessed && kind === 'made') {
        living.from = at;
        living.isFromGuessed = false;
      }
      return;
    }
    if (living) this.#versions.end(living, at);
    const isBeginUnknown = kind === 'seen' && !this.#versions.newest(id);
    this.#versions.add(id, path, { from: isBeginUnknown ? this.#lastAbsentBefore(at) : at });
  }

  #reconcile({ cgroups, unreadable, covers }: Scan, begin: bigint): void {
    for (const [id, path] of cgroups) {
      const newest = this.#versions.newest(id);
      if (newest?.until === undefined) {
        if (newest?.path === path) continue;
        if (newest) this.#versions.end(newest, begin);
      }
      const from = max(this.#scannedAt, newest?.until ?? 0n);
      this.#versions.add(id, path, { from, isGuessed: true });
    }
    for (let i = 0; i < unreadable; i++) this.#options.lose('unreadable');
    for (const version of this.#versions.allLiving())
      if (!cgroups.has(version.id) && covers(version.path)) this.#versions.end(version, begin);
    this.#scannedAt = begin;
  }

  /** Of an id that no scan has found: when it certainly did not exist yet. */
  #lastAbsentBefore(at: bigint): bigint {
    return this.#scannedAt <= at ? this.#scannedAt : 0n;
  }

  #scanIfDue(): void {
    if (this.#age() >= this.#pause) this.scan();
  }

  #age(): bigint {
    return this.#triedAt === undefined ? BigInt(reconcileAfter) : this.#options.monotonic() - this.#triedAt;
  }

  #renameBelow(former: string, path: string, at: bigint): void {
    if (former === path) return;
    const below = ({ path: of }: Version) => of !== former && isBelow(former, of);
    for (const version of [...this.#versions.allLiving()].filter(below)) {
      this.#versions.end(version, at);
      this.#versions.add(version.id, path + version.path.slice(former.length), { from: at });
    }
  }

  #forgetExpired(): void {
    this.#versions.forgetUntil(this.#options.monotonic() - BigInt(this.#options.keepRemoved));
  }
}
