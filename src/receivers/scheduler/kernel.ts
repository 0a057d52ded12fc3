import type { Cgroups } from '../../cgroup/cgroups.ts';
import type { CgroupFiles } from '../../cgroup/files/files.ts';
import type { CgroupId } from '../../telemetry/units.ts';
import type { SchedulerOptions, SchedulerSource } from './source.ts';

/** The part of the world only `src/receivers/scheduler/` knows; components get it through their `Host`. */
export interface Kernel {
  readonly cgroups: Cgroups;
  /** Undefined in a recording, and where no cgroups are mounted. */
  readonly cgroupFiles: CgroupFiles | undefined;
  /** Where the host's file system is mounted; absent: there is no host. */
  readonly rootPath?: string;
  /** The agent's own cgroup; undefined: it cannot be told from here. */
  ownCgroup?(): CgroupId | undefined;
  /** Attaches to the scheduler, or replays a recording. Throws `UnsupportedError` where this machine cannot. */
  openScheduler(options: SchedulerOptions): Promise<SchedulerSource>;
}
