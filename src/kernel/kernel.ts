import type { Cgroups } from './cgroups.ts';
import type { SchedulerOptions, SchedulerSource } from './scheduler-source.ts';

/** The part of the world only `src/kernel/` knows; components get it through their `Host`. */
export interface Kernel {
  readonly cgroups: Cgroups;
  /** Attaches to the scheduler, or replays a recording. Throws `UnsupportedError` where this machine cannot. */
  openScheduler(options: SchedulerOptions): Promise<SchedulerSource>;
}
