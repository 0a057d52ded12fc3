import type { CgroupId, MonotonicNanoseconds, UnixNanoseconds } from '../telemetry/units.ts';

/** Something that happened to a cgroup's directory. */
export interface CgroupChange {
  /** `seen`: it is there, since whenever. */
  readonly kind: 'made' | 'seen' | 'renamed' | 'removed';
  readonly id: CgroupId;
  /**
   * Below the hierarchy's root (`/kubepods/burstable/pod…/…`, `/` for the root itself), whatever namespace the agent is in;
   * the new one of a renamed cgroup. Undefined: too long to be told.
   */
  readonly path: string | undefined;
  /** Absent: now; of `seen`: nobody knows since when. */
  readonly at?: MonotonicNanoseconds;
}

/** Which directory a cgroup id is, now or, for a removed one, last. */
export interface Cgroups {
  /**
   * Undefined: never seen, or forgotten. With `at`, who had the id then, or last before: ids may be used again. Of an
   * interval ask for its end, as a cgroup may be made in the midst of it.
   */
  path(id: CgroupId, at?: UnixNanoseconds): string | undefined;
  /** Those that exist, as far as is known. */
  living(): Iterable<{ readonly id: CgroupId; readonly path: string }>;
  /** From a life-cycle event of the kernel; those of one cgroup in the order in which they happened. */
  learn(change: CgroupChange): void;
}
