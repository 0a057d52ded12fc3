import type { CgroupId, MonotonicNanoseconds, Nanoseconds } from '../../telemetry/units.ts';

export interface SchedulerOptions {
  /** Waits at least this long become events. */
  readonly minWait: Nanoseconds;
  /** One in so many shorter waits becomes an event too; 0: none. */
  readonly sample: number;
  /** Events a second of one cgroup on one CPU; more are carried in the weight of the next. */
  readonly eventRate: number;
  readonly maxWorkloads: number;
  readonly maxPairs: number;
}

/** How the kernel side classes a nanosecond of waiting, before anybody knows what the cgroups are. */
export const waitClasses = [
  'self',
  'other',
  'kernel',
  'idle',
  'throttled',
  'irq',
  'steal',
  'unknown',
] as const;
export type WaitClass = (typeof waitClasses)[number];

/** A cgroup, or who has none: kernel threads; the sum of all cgroups beyond `maxWorkloads`. */
export type Waiter = CgroupId | 'kernel' | 'overflow';

/** What one cgroup did since the reading before. */
export interface CgroupReading {
  readonly cgroup: Waiter;
  /** Time waited, of waits that go on too: as it passes. */
  readonly wait: Nanoseconds;
  /** Sum of the waits that ended, from their beginnings on. */
  readonly completed: Nanoseconds;
  /** Sums to `wait`, exactly. */
  readonly classes: Readonly<Record<WaitClass, Nanoseconds>>;
  readonly run: Nanoseconds;
  /** Preempted by a task of its own cgroup, or by a kernel thread; by others: in the pairs. */
  readonly preemptedBySelf: number;
  readonly preemptedByKernel: number;
  /** Completed waits by OpenTelemetry exponential bucket of their duration in seconds, at `histogramScale`. */
  readonly buckets: ReadonlyMap<number, number>;
  /** Waits too short for a bucket. */
  readonly zeroCount: number;
}

/** What one cgroup did to another since the reading before. */
export interface PairReading {
  readonly victim: Waiter;
  readonly culprit: CgroupId;
  /** The culprit was running while the victim waited. */
  readonly other: Nanoseconds;
  /** The victim was throttled because the culprit's quota had run out. */
  readonly throttled: Nanoseconds;
  /** Waits of the victim, whole, that ended when the culprit left the CPU to it: whom a look at the last to run blames. */
  readonly last: Nanoseconds;
  readonly preemptions: number;
}

export interface SchedulerReading {
  readonly at: MonotonicNanoseconds;
  /** Time the reading covers, where that is not the time since the one before: in a recording. */
  readonly span?: Nanoseconds;
  readonly cgroups: readonly CgroupReading[];
  readonly pairs: readonly PairReading[];
  /** Loss since the reading before, by reason. */
  readonly drops: Readonly<Record<string, number>>;
}

/** One wait, standing for `weight` of its kind. */
export interface WaitEvent {
  readonly at: MonotonicNanoseconds;
  readonly cgroup: Waiter;
  readonly pid: number;
  readonly tgid: number;
  readonly thread: string;
  readonly cpu: number;
  readonly wait: Nanoseconds;
  readonly classes: Readonly<Record<WaitClass, Nanoseconds>>;
  /** Who had the CPU longest meanwhile, among other cgroups. */
  readonly culprit: CgroupId | undefined;
  readonly culpritTime: Nanoseconds;
  /** Whose quota had run out longest, and for how long. */
  readonly throttler: CgroupId | undefined;
  readonly throttlerTime: Nanoseconds;
  /** Who ran last before; often not the culprit. */
  readonly last: {
    readonly cgroup: CgroupId | 'kernel' | 'idle' | undefined;
    readonly pid: number;
    readonly thread: string;
  };
  /** For at least so long another CPU that the task may use was idle meanwhile. */
  readonly idleCpu: { readonly time: Nanoseconds; readonly number: number };
  readonly weight: number;
  readonly migrated: boolean;
}

export interface SchedulerSource {
  readonly histogramScale: number;
  /** What was attached, and what it costs: for the log and the first screen. */
  describe(): SourceDescription;
  /** Single waits and cgroup life-cycle since the last call; to be called often enough for the ring (each second). */
  drain(): readonly WaitEvent[];
  /** Exact differences since the last call. */
  read(): SchedulerReading;
  /**
   * Begins to measure what the programs take; until its end each of their runs takes some 50 ns longer. Throws where that
   * is not permitted. A recording has no programs.
   */
  measureCost?(): CostMeasurement;
  close(): void;
}

export interface CostMeasurement {
  /** To be called once, before the source is closed. */
  end(): { readonly programs: readonly ProgramCost[]; readonly elapsed: Nanoseconds };
}

/** Over all CPUs. */
export interface ProgramCost {
  readonly name: string;
  readonly runs: number;
  readonly runTime: Nanoseconds;
}

export interface SourceDescription {
  /** Set when this is a replay: what was recorded, where and when. */
  readonly recording?: string;
  readonly programs: readonly string[];
  readonly mapBytes: number;
  readonly cpus: number;
  readonly features: Readonly<Record<string, string | boolean>>;
}
