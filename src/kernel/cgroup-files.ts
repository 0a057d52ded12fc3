import type { Nanoseconds } from '../telemetry/units.ts';

/** What a cgroup may use, from the files of its own directory; absent is unlimited or not told. */
export interface CpuEntitlement {
  /** As `cpu.weight` (1 to 10,000, default 100); of version 1 `cpu.shares`, converted as the kubelet does. */
  readonly weight?: number;
  readonly quota?: { readonly quota: Nanoseconds; readonly period: Nanoseconds; readonly burst: Nanoseconds };
  /** CPUs it may run on, as the kernel writes them: `0-3,8`. */
  readonly cpuset?: string;
}

/** `cpu.stat`, totals since the cgroup was made. */
export interface CpuStatistics {
  readonly periods: number;
  readonly throttledPeriods: number;
  readonly throttled: bigint;
  readonly usage?: bigint;
  readonly bursts?: number;
  readonly burst?: bigint;
}

/** Totals of pressure stall information, ns. */
export interface Pressure {
  readonly some: bigint;
  readonly full?: bigint;
}

export type PressureResource = 'cpu' | 'memory' | 'io' | 'irq';

/** The control files of cgroups, whatever the version; paths are those of `Cgroups`. Undefined: it is not there (any more). */
export interface CgroupFiles {
  readonly version: 1 | 2;
  cpu(path: string): CpuEntitlement | undefined;
  cpuStatistics(path: string): CpuStatistics | undefined;
  pressure(path: string, resource: PressureResource): Pressure | undefined;
}
