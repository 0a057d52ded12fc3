import type { Nanoseconds } from '../../telemetry/units.ts';

/** What a cgroup may use, from the files of its own directory; absent is unlimited or unknown. */
export interface CpuEntitlement {
  /**
   * Its part of the CPU beside its siblings as the scheduler weighs it, 100 by default. `cpu.weight`; of version 1
   * `cpu.shares` × 100 / 1024, the kernel's own relation of the two, which keeps ratios exact.
   */
  readonly weight?: number;
  /** Version 1 only, as it was written there: 1024 by default. */
  readonly shares?: number;
  /** `cpu.idle`: it runs only on CPUs that would be idle. */
  readonly isIdle?: true;
  readonly quota?: { readonly quota: Nanoseconds; readonly period: Nanoseconds; readonly burst: Nanoseconds };
  /** CPUs it may run on, as the kernel writes them: `0-3,8`. */
  readonly cpuset?: string;
}

/** `cpu.stat`, totals since the cgroup was made. */
export interface CpuStatistics {
  /** 0 where the cpu controller is not enabled, as the next two. */
  readonly periods: number;
  readonly throttledPeriods: number;
  /** By its own quota, over all CPUs, ns. */
  readonly throttled: bigint;
  /** CPU time of it and all below it, ns. */
  readonly usage?: bigint;
  /** Periods in which it used more than its quota, and by how much, ns. */
  readonly bursts?: number;
  readonly burst?: bigint;
}

/** Totals of pressure stall information, ns: while some of its tasks stood still, while all did. */
export interface Pressure {
  /** Always, except of `irq`. */
  readonly some?: bigint;
  /** Not of `cpu` before Linux 5.13. */
  readonly full?: bigint;
}

export const pressureResources = ['cpu', 'memory', 'io', 'irq'] as const;
export type PressureResource = (typeof pressureResources)[number];

/** As in `CpuEntitlement`; `none`: without the cpu controller, its tasks belong to the group of the cgroup above. */
export type Weight = number | 'none';

/**
 * The control files of cgroups of either version; paths are those of `Cgroups`. Undefined: it is not there (any more).
 * What is there and cannot be read or understood throws, with `code` of the system or `MALFORMED`.
 */
export interface CgroupFiles {
  readonly version: 1 | 2;
  /** Resources whose pressure this kernel reports; a single cgroup may still have none. */
  readonly pressures: readonly PressureResource[];
  cpu(path: string): CpuEntitlement | undefined;
  weight(path: string): Weight | undefined;
  cpuStatistics(path: string): CpuStatistics | undefined;
  /** Total time its own queues were held back, by its own quota or one above, ns. Linux 6.6. */
  throttledLocally(path: string): bigint | undefined;
  pressure(path: string, resource: PressureResource): Pressure | undefined;
  /** Processes of its own, not those below it. Version 1 shows none of another pid namespace. */
  hasProcesses(path: string): boolean;
}
