import type { Cgroups } from '../../src/cgroup/cgroups.ts';
import type { Kernel } from '../../src/receivers/scheduler/kernel.ts';

/** Cgroups nobody knows. */
export const noCgroups: Cgroups = { path: () => undefined, living: () => [], learn: () => {} };

/** A machine on which nothing can be seen. */
export const noKernel: Kernel = {
  cgroups: noCgroups,
  cgroupFiles: undefined,
  openScheduler: () => Promise.reject(new Error('no kernel here')),
};
