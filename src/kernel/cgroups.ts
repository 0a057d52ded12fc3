import type { CgroupId, UnixNanoseconds } from '../telemetry/units.ts';

/** Something that happened to a cgroup's directory. */
export interface CgroupChange {
  readonly kind: 'seen' | 'removed';
  readonly id: CgroupId;
  /** Below the hierarchy's root (`/kubepods/burstable/pod…/…`, `/` for the root itself). */
  readonly path: string;
}

/** Which directory a cgroup id is, now or, for a removed one, last. */
export interface Cgroups {
  /** Undefined: never seen. With `at`, who had the id then: ids may be used again. */
  path(id: CgroupId, at?: UnixNanoseconds): string | undefined;
  /** Those that exist, as far as is known. */
  living(): Iterable<{ readonly id: CgroupId; readonly path: string }>;
  /** From a life-cycle event of the kernel. */
  learn(change: CgroupChange): void;
}
