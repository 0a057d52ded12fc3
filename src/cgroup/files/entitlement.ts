import type { CpuEntitlement } from './files.ts';
import { countCpus } from './formats.ts';

/** Shares of a group with `cpu.idle`, whose own setting does not apply: WEIGHT_IDLEPRIO. */
export const idleShares = 3;

/** As the scheduler relates the two: 1024 shares weigh as much as a weight of 100. */
export const weightOfShares = (shares: number) => (shares * 100) / 1024;

/** CPUs its quota lasts for; undefined: no quota. */
export function cpuLimit({ quota }: CpuEntitlement): number | undefined {
  return quota && quota.quota / quota.period;
}

/** CPUs in its cpuset; undefined: unknown. */
export function cpuCount({ cpuset }: CpuEntitlement): number | undefined {
  return cpuset === undefined ? undefined : countCpus(cpuset);
}
