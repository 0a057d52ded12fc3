import type { CgroupId } from '../telemetry/units.ts';

/** Which directory a cgroup id is, now or, for a removed one, last. */
export interface Cgroups {
  /** Path below the hierarchy's root (`/kubepods/burstable/pod…/…`, `/` for the root itself), or undefined: never seen. */
  path(id: CgroupId): string | undefined;
  /** From a life-cycle event of the kernel. */
  learn(id: CgroupId, path: string): void;
}
