import { clockOffset } from '../machine/clock-offset.ts';
import type { CgroupId, MonotonicNanoseconds, Nanoseconds, UnixNanoseconds } from '../telemetry/units.ts';
import { milliseconds, seconds } from '../telemetry/units.ts';
import type { CgroupChange, Cgroups } from './cgroups.ts';
import { isBelow } from './path/is-below.ts';
import type { Scan } from './scan.ts';

export interface RegistryOptions {
  /** Names remembered; beyond it those of removed cgroups are forgotten first, of each kind the oldest first. */
  readonly maxCgroups: number;
  /** How long a removed cgroup keeps its name, for data that is late. */
  readonly keepRemoved: Nanoseconds;
  /** Looks at the directories; undefined: they cannot be seen. */
  scan(): Scan | undefined;
  /** CLOCK_MONOTONIC. */
  monotonic(): MonotonicNanoseconds;
  /** Wall clock. */
  now(): UnixNanoseconds;
  /** Names known, by state: what is added to it. */
  known(state: State, by: number): void;
  /** A name was forgotten before its time, or could not be learnt. */
  lose(reason: RegistryLoss): void;
}

type State = 'living' | 'removed';
export type RegistryLoss = 'limit_removed' | 'limit_living' | 'unreadable';

/** Knows what exists from the first moment on. */
export function openRegistry(options: RegistryOptions): CgroupRegistry {
  const registry = new CgroupRegistry(options);
  registry.scan();
  return registry;
}

/** A name a cgroup had, for a time. */
interface Version {
  readonly id: CgroupId;
  readonly path: string;
  from: bigint;
  /** Undefined: it exists. */
  until: bigint | undefined;
  /** A scan found it; the kernel has not told when it was made. */
  isFromGuessed: boolean;
  /** Of the same id. */
  before: Version | undefined;
}

type Named = CgroupChange & { readonly path: string };

/** The wall clock is read in whole milliseconds, so that data may seem to be a little older than it is. */
const clockTolerance = BigInt(milliseconds(5));
const shortestPause = seconds(1);
/** Between two scans, in times of the first: at most 1 % of a CPU goes into scanning, however many cgroups there are. */
const pauseFactor = 100;
/** While the kernel tells of every change, a scan only makes sure. */
const reconcileAfter = seconds(300);

/**
 * Ids and paths of a cgroup hierarchy, with the times at which they were true. A scan at start, then what the kernel's
 * events tell; another scan where those are missing, or do not know an id. Versions of an id are chained, newest first.
 */
export class CgroupRegistry implements Cgroups {
  readonly #options: RegistryOptions;
  readonly #newest = new Map<CgroupId, Version>();
  /** In the order in which they ended. */
  readonly #ended = new Set<Version>();
  #versions = 0;
  /** Begin of the last complete scan: what exists since before it, it has found. */
  #scannedAt = 0n;
  #lookedAt: bigint | undefined;
  #pause: bigint = BigInt(shortestPause);
  #catchUp: (() => void) | undefined;
  #isDoubtful = false;

  constructor(options: RegistryOptions) {
    this.#options = options;
  }

  path(id: CgroupId, at?: UnixNanoseconds): string | undefined {
    this.#forgetExpired();
    if (this.#isDoubtful || !this.#newest.has(id)) this.#scanIfDue();
    return this.#versionAt(id, at)?.path;
  }

  *living() {
    const isFresh = this.#catchUp && this.#age() < reconcileAfter && !this.#isDoubtful;
    if (!isFresh) this.#scanIfDue();
    for (const { id, path, until } of this.#newest.values()) if (until === undefined) yield { id, path };
  }

  learn({ at = this.#options.monotonic(), ...change }: CgroupChange): void {
    this.#forgetExpired();
    const { kind, id, path } = change;
    if (kind === 'removed') this.#learnEnd(change, at);
    else if (path !== undefined) this.#learnName({ kind, id, path }, at);
    else if (kind !== 'seen' || !this.#living(id)) {
      const living = this.#living(id);
      if (living) this.#end(living, at);
      this.#isDoubtful = true;
    }
  }

  /**
   * From now on somebody tells of every change; `catchUp` makes him tell what he has not told yet. Returns how to end it.
   */
  follow(catchUp: () => void): () => void {
    this.#catchUp = catchUp;
    this.scan(); // what was made since the first scan
    return () => {
      this.#catchUp = undefined;
    };
  }

  /** Some changes have not been told: look again as soon as that may be. */
  doubt(): void {
    this.#isDoubtful = true;
  }

  /** What is told of the time before is applied first: so a change is never older than the scan that comes before it. */
  scan(): void {
    this.#catchUp?.();
    const begin = this.#options.monotonic();
    const found = this.#options.scan();
    if (found) this.#apply(found, begin);
    this.#lookedAt = this.#options.monotonic();
    const took = this.#lookedAt - begin;
    this.#pause = max(BigInt(shortestPause), took * BigInt(pauseFactor));
    this.#isDoubtful = false;
  }

  #learnEnd({ id, path }: CgroupChange, at: bigint): void {
    const living = this.#living(id);
    if (living) this.#end(living, at);
    else if (path !== undefined && !this.#newest.has(id))
      this.#end(this.#add(id, path, this.#lastAbsentBefore(at)), at);
  }

  #learnName({ kind, id, path }: Named, at: bigint): void {
    const living = this.#living(id);
    if (kind === 'renamed') {
      if (living) this.#renameBelow(living.path, path, at);
      else this.#isDoubtful = true; // whatever is below it may have another path too
    }
    if (living?.path === path) {
      if (living.isFromGuessed && kind === 'made') {
        living.from = at;
        living.isFromGuessed = false;
      }
      return;
    }
    if (living) this.#end(living, at);
    const isSinceWhenever = kind === 'seen' && !this.#newest.has(id);
    this.#add(id, path, isSinceWhenever ? this.#lastAbsentBefore(at) : at);
  }

  #living(id: CgroupId): Version | undefined {
    const newest = this.#newest.get(id);
    return newest?.until === undefined ? newest : undefined;
  }

  #apply({ cgroups, unreadable, covers }: Scan, begin: bigint): void {
    for (const [id, path] of cgroups) {
      const newest = this.#newest.get(id);
      if (newest?.until === undefined) {
        if (newest?.path === path) continue;
        if (newest) this.#end(newest, begin);
      }
      const from = max(this.#scannedAt, newest?.until ?? 0n);
      this.#add(id, path, from, { isGuessed: true });
    }
    for (let i = 0; i < unreadable; i++) this.#options.lose('unreadable');
    for (const version of this.#newest.values())
      if (version.until === undefined && !cgroups.has(version.id) && covers(version.path))
        this.#end(version, begin);
    this.#scannedAt = begin;
  }

  /** Of an id that no scan has found: when it certainly was not there yet. */
  #lastAbsentBefore(at: bigint): bigint {
    return this.#scannedAt <= at ? this.#scannedAt : 0n;
  }

  #scanIfDue(): void {
    if (this.#age() >= this.#pause) this.scan();
  }

  #age(): bigint {
    const { monotonic } = this.#options;
    return this.#lookedAt === undefined ? BigInt(reconcileAfter) : monotonic() - this.#lookedAt;
  }

  #versionAt(id: CgroupId, at: UnixNanoseconds | undefined): Version | undefined {
    let version = this.#newest.get(id);
    if (at === undefined) return version;
    const time = at - clockOffset(this.#options);
    // its own beginning, with tolerance, unless another had the id then
    while (version && time < max(version.from - clockTolerance, version.before?.until ?? 0n))
      version = version.before;
    return version;
  }

  #add(id: CgroupId, path: string, from: bigint, { isGuessed = false } = {}): Version {
    const version = {
      ...{ id, path, from, isFromGuessed: isGuessed },
      ...{ until: undefined, before: this.#newest.get(id) },
    };
    this.#newest.delete(id); // to be the last in order
    this.#newest.set(id, version);
    this.#versions++;
    this.#options.known('living', 1);
    while (this.#versions > this.#options.maxCgroups) this.#evict();
    return version;
  }

  #end(version: Version, at: bigint): void {
    version.until = max(at, version.from);
    this.#ended.add(version);
    this.#options.known('living', -1);
    this.#options.known('removed', 1);
  }

  #renameBelow(former: string, path: string, at: bigint): void {
    if (former === path) return;
    for (const version of [...this.#newest.values()]) {
      if (version.until !== undefined || version.path === former || !isBelow(former, version.path)) continue;
      this.#end(version, at);
      this.#add(version.id, path + version.path.slice(former.length), at);
    }
  }

  #forgetExpired(): void {
    const [first] = this.#ended;
    if (!first) return;
    const deadline = this.#options.monotonic() - BigInt(this.#options.keepRemoved);
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
    this.#options.lose(ended ? 'limit_removed' : 'limit_living');
  }

  #forget(version: Version): void {
    const newest = this.#newest.get(version.id);
    if (newest !== version) {
      let after = newest;
      while (after && after.before !== version) after = after.before;
      if (after) after.before = version.before;
    } else if (version.before) this.#newest.set(version.id, version.before);
    else this.#newest.delete(version.id);
    this.#versions--;
    this.#options.known(this.#ended.delete(version) ? 'removed' : 'living', -1);
  }
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
