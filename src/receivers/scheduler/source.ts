import type { CostMeasurement } from '../../bpf/cost.ts';
import {
  type CgroupId,
  type MonotonicNanoseconds,
  type Nanoseconds,
  nanoseconds,
} from '../../telemetry/units.ts';
import type { Steps } from './steps.ts';

/** The kernel side charges a pair in pieces of this size; a reading may be short of one on each CPU. */
export const samplingQuantum = nanoseconds(50_000);

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

/** As they are configured; absent sizes follow the node. */
export interface WantedOptions extends Omit<SchedulerOptions, 'maxWorkloads' | 'maxPairs'> {
  readonly maxWorkloads?: number;
  readonly maxPairs?: number;
}

/** How the kernel side classes a nanosecond of waiting, before cgroups have names. */
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

/** A cgroup; kernel threads, which have none; the sum of all cgroups beyond `maxWorkloads`. */
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
  /** CPUs on which it waited behind other cgroups; waits in progress, on whichever CPU, count as one more. */
  readonly otherCpus: number;
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
  /** Full duration of the victim's waits whose last runner was the culprit: what a last-runner heuristic would blame. */
  readonly last: Nanoseconds;
  readonly preemptions: number;
}

export interface SchedulerReading {
  readonly at: MonotonicNanoseconds;
  readonly cgroups: readonly CgroupReading[];
  readonly pairs: readonly PairReading[];
  /** Loss since the reading before, by reason. */
  readonly drops: Readonly<Record<string, number>>;
  readonly modes?: SchedulingModes;
}

/** Ways to schedule under which some of what is measured means something else. */
export interface SchedulingModes {
  /** Name of the BPF scheduler (sched_ext) that chose CPUs, for a part of the time at least. */
  readonly ext?: string;
  /** Threads had core-scheduling cookies. */
  readonly core?: true;
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
  /**
   * Exact differences since the reading before, in steps of some milliseconds: `drain` may be called between them, another
   * reading may not begin. One that is not taken to its end leaves the rest to the next.
   */
  reading(): Steps<SchedulerReading>;
  /**
   * Begins to measure what the programs take; until its end each of their runs takes some 50 ns longer. Throws where that
   * is not permitted.
   */
  measureCost(): CostMeasurement;
  close(): void;
}

export interface SourceDescription {
  readonly programs: readonly string[];
  /** Memory of the kernel's maps. */
  readonly mapBytes: number;
  /** Of the buffers beside them, once all cgroups have run on all CPUs. */
  readonly bufferBytes: number;
  readonly workloads: number;
  readonly pairs: number;
  readonly threads: number;
  readonly cpus: number;
  readonly features: Readonly<Record<string, string | boolean>>;
}
