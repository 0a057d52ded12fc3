import { setImmediate } from 'node:timers/promises';
import type { CgroupFiles, CpuEntitlement } from '../../cgroup/files/files.ts';
import { type QuotaLevel, quotaLevel } from '../../cgroup/path/quota-level.ts';
import type { Interval } from '../../telemetry/metrics/build.ts';
import type { CgroupId, Nanoseconds, UnixNanoseconds } from '../../telemetry/units.ts';

export interface LivingCgroup {
  readonly id: CgroupId;
  readonly path: string;
}

/** What a cgroup may use, and what has happened to it since the reading before. */
export interface CgroupReading {
  readonly cgroup: LivingCgroup;
  /** From when its files were read before to when they were read now. */
  readonly interval: Interval;
  readonly entitlement: CpuEntitlement;
  /** Of a quota, as long as there is one and to the end of the reading in which it went. */
  readonly level: QuotaLevel | undefined;
  /** Absent where the total of the reading before is not known. */
  growth(total: string): number | undefined;
}

export interface CgroupReaderOptions {
  readonly files: CgroupFiles;
  readonly pressure: boolean;
  readonly cpus: number;
  /** Something of so many cgroups is missing in this reading; `error` is that of the system. */
  readonly now: () => UnixNanoseconds;
  readonly miss: (reason: string, of?: { readonly by?: number; readonly error?: unknown }) => void;
}

/** Totals by name: times in ns. Pressure is named by `pressureTotal`. */
type Totals = ReadonlyMap<string, bigint>;

export const pressureTotal = (resource: string, kind: 'some' | 'full') => `pressure ${resource} ${kind}`;

/** Some milliseconds of reading at a time, so that other work need not wait for all of them. */
const cgroupsAtOnce = 64;

/**
 * Limits change seldom and are more than half of the files: they are read anew each so many readings, of each cgroup at
 * another one, and at once where its totals contradict them.
 */
const readingsPerLimits = 6;

/** What is kept of a cgroup from one reading to the next. */
interface Known {
  readonly path: string;
  readonly totals: Totals;
  /** When they were read. */
  readonly at: UnixNanoseconds;
  readonly entitlement: CpuEntitlement;
  /** Kept, as parsing the path takes longer than reading a file. */
  readonly level: QuotaLevel | undefined;
  /** Readings until the limits are due. */
  readonly due: number;
}

/** The reading before. */
interface Before {
  readonly known: ReadonlyMap<CgroupId, Known>;
  readonly listed: ReadonlySet<CgroupId> | undefined;
  readonly limited: ReadonlySet<string>;
  /** When it began. */
  readonly start: UnixNanoseconds;
  /** How long ago that is. */
  readonly since: () => Nanoseconds;
}

/** Reads the files of cgroups again and again, and takes differences. */
export class CgroupReader {
  readonly #options: CgroupReaderOptions;
  /** Of the reading before; cgroups that are gone are not kept. */
  #known = new Map<CgroupId, Known>();
  /** All that were there at the reading before; undefined before the first. */
  #listed: ReadonlySet<CgroupId> | undefined;
  /** Paths that have a quota, as far as is known. */
  #limited = new Set<string>();

  constructor(options: CgroupReaderOptions) {
    this.#options = options;
  }

  /**
   * Those of `cgroups` that have processes, a quota, or did something. `listed` are all that there are; the reading before
   * began at `start`, and `since` is the time from then to now.
   */
  async read(
    cgroups: readonly LivingCgroup[],
    { listed, ...times }: { readonly listed: ReadonlySet<CgroupId> } & Pick<Before, 'start' | 'since'>,
  ): Promise<readonly CgroupReading[]> {
    const readings: CgroupReading[] = [];
    const before = { known: this.#known, listed: this.#listed, limited: this.#limited, ...times };
    this.#known = new Map();
    this.#listed = listed;
    this.#limited = new Set();
    for (const [i, cgroup] of cgroups.entries()) {
      if (i % cgroupsAtOnce === cgroupsAtOnce - 1) await setImmediate();
      const reading = this.#readCgroup(cgroup, before, i);
      if (reading) readings.push(reading);
    }
    return readings;
  }

  /** Undefined: it is gone, or has no value to report. */
  #readCgroup(cgroup: LivingCgroup, before: Before, place: number): CgroupReading | undefined {
    const { id, path } = cgroup;
    const former = before.known.get(id);
    const start = former?.at ?? before.start;
    const at = later(start, this.#options.now());
    const totals = this.#readTotals(path);
    const isDue = !former || former.due === 0 || totals.size === 0 || contradicts(former, totals);
    const entitlement = isDue ? this.#attempt(() => this.#options.files.cpu(path), {}) : former.entitlement;
    if (!entitlement) return undefined; // removed after it had been listed
    if (entitlement.quota) this.#limited.add(path);
    if (isBelow(path, this.#limited, before.limited)) this.#readThrottledLocal(path, totals);
    const isNew = before.listed !== undefined && !before.listed.has(id);
    const from = former?.totals ?? (isNew && this.#fits(totals, before.since()) ? nothing : undefined);
    const growths = from ? this.#grow(from, totals) : unknown;
    const hasLevel = entitlement.quota !== undefined || Boolean(growths.get('periods'));
    const level = hasLevel ? (sameLevel(former, path) ?? quotaLevel(path)) : undefined;
    const spread = former ? readingsPerLimits - 1 : place % readingsPerLimits;
    this.#known.set(id, { path, totals, at, entitlement, level, due: isDue ? spread : former.due - 1 });
    if (!this.#matters(path, entitlement, growths)) return undefined;
    const interval = { start, end: at };
    return { cgroup, interval, entitlement, level, growth: (total) => growths.get(total) };
  }

  #readTotals(path: string): Map<string, bigint> {
    const { files, pressure } = this.#options;
    const totals = new Map<string, bigint>();
    const statistics = this.#attempt(() => files.cpuStatistics(path), undefined);
    if (statistics) {
      totals.set('periods', BigInt(statistics.periods));
      totals.set('throttledPeriods', BigInt(statistics.throttledPeriods));
      totals.set('throttled', statistics.throttled);
      if (statistics.usage !== undefined) totals.set('usage', statistics.usage);
    }
    for (const resource of pressure ? files.pressures : []) {
      const found = this.#attempt(() => files.pressure(path, resource), undefined);
      if (!found) break; // a cgroup has them all or none
      if (found.some !== undefined) totals.set(pressureTotal(resource, 'some'), found.some);
      if (found.full !== undefined) totals.set(pressureTotal(resource, 'full'), found.full);
    }
    return totals;
  }

  #readThrottledLocal(path: string, totals: Map<string, bigint>): void {
    const throttledLocal = this.#attempt(() => this.#options.files.throttledLocally(path), undefined);
    if (throttledLocal !== undefined) totals.set('throttledLocal', throttledLocal);
  }

  /**
   * Whether that much can have happened meanwhile: one that was only not listed before, though it was there, has more, and
   * its whole life is no difference.
   */
  #fits(totals: Totals, since: Nanoseconds): boolean {
    const most = BigInt(Math.ceil(since)) * BigInt(this.#options.cpus);
    return (totals.get('usage') ?? 0n) <= most && (totals.get('throttled') ?? 0n) <= most;
  }

  #grow(from: Totals, to: Totals): ReadonlyMap<string, number> {
    const growths = new Map<string, number>();
    for (const [name, total] of to) {
      const before = from === nothing ? 0n : from.get(name);
      if (before === undefined) continue; // it has appeared: a controller or a quota was turned on
      if (total < before) this.#options.miss('backwards');
      else growths.set(name, Number(total - before));
    }
    return growths;
  }

  #matters(path: string, { quota }: CpuEntitlement, growths: ReadonlyMap<string, number>): boolean {
    if (quota) return true;
    for (const growth of growths.values()) if (growth > 0) return true;
    return this.#attempt(() => this.#options.files.hasProcesses(path), false);
  }

  #attempt<T>(read: () => T, otherwise: T): T {
    try {
      return read();
    } catch (error) {
      this.#options.miss(reasonOf(error), { error });
      return otherwise;
    }
  }
}

/** The wall clock may have been set back. */
const later = (a: UnixNanoseconds, b: UnixNanoseconds) => (a > b ? a : b);

/** Unless it was renamed. */
const sameLevel = (former: Known | undefined, path: string) =>
  former?.path === path ? former.level : undefined;

/** Periods are counted while there is a quota and something runs. */
function contradicts({ totals: before, entitlement }: Known, totals: Totals): boolean {
  const hasGrown = (name: string) => totals.get(name) !== before.get(name);
  return entitlement.quota ? hasGrown('usage') && !hasGrown('periods') : hasGrown('periods');
}

const nothing: Totals = new Map();
const unknown: ReadonlyMap<string, number> = new Map();

function isBelow(path: string, ...limited: readonly ReadonlySet<string>[]): boolean {
  for (let at = path; ; at = at.slice(0, at.lastIndexOf('/'))) {
    if (limited.some((paths) => paths.has(at))) return true;
    if (at === '' || at === '/') return false;
  }
}

function reasonOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EACCES' || code === 'EPERM') return 'permission';
  return code?.toLowerCase() ?? 'failed';
}
