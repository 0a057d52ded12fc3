import { nanoseconds } from '../../telemetry/units.ts';
import { ControlDirectory } from './control-file.ts';
import { idleShares, weightOfShares } from './entitlement.ts';
import type { CgroupFiles, CpuEntitlement, CpuStatistics, Pressure, PressureResource } from './files.ts';
import {
  parseCpuList,
  parseCpuStat,
  parseMicroseconds,
  parseNumber,
  parsePressure,
  parseTotal,
} from './formats.ts';
import { toldPressures } from './v2.ts';

/** Mount points; a hierarchy that is not mounted has no values. */
export interface Version1Mounts {
  readonly cpu: string;
  readonly cpuacct: string | undefined;
  readonly cpuset: string | undefined;
  /** Version 2 beside it, which alone has pressure. */
  readonly unified: string | undefined;
}

/**
 * The files of version 1. Each controller may have a hierarchy of its own; a runtime creates a cgroup in all of them
 * at the same path, except in the unified one, where often only systemd does.
 */
export class CgroupFilesV1 implements CgroupFiles {
  readonly version = 1;
  readonly pressures: readonly PressureResource[];
  readonly #cpu: ControlDirectory;
  readonly #cpuacct: ControlDirectory | undefined;
  readonly #cpuset: ControlDirectory | undefined;
  readonly #unified: ControlDirectory | undefined;

  constructor(mounts: Version1Mounts, root: string) {
    const open = (mountPoint: string | undefined) =>
      mountPoint === undefined ? undefined : new ControlDirectory(mountPoint, root);
    this.#cpu = new ControlDirectory(mounts.cpu, root);
    this.#cpuacct = open(mounts.cpuacct);
    this.#cpuset = open(mounts.cpuset);
    this.#unified = open(mounts.unified);
    this.pressures = mounts.unified === undefined ? [] : toldPressures(mounts.unified);
  }

  cpu(path: string): CpuEntitlement | undefined {
    const shares = this.#cpu.parse(path, 'cpu.shares', parseNumber);
    if (shares === undefined) return undefined;
    const cpuset = this.#cpuset?.parse(path, 'cpuset.effective_cpus', parseCpuList);
    return {
      weight: weightOfShares(shares),
      shares,
      ...(this.#isIdle(path, shares) ? { isIdle: true } : {}),
      ...this.#quota(path),
      ...(cpuset === undefined ? {} : { cpuset }),
    };
  }

  weight(path: string): number | undefined {
    const shares = this.#cpu.parse(path, 'cpu.shares', parseNumber);
    return shares === undefined ? undefined : weightOfShares(shares);
  }

  cpuStatistics(path: string): CpuStatistics | undefined {
    const statistics = this.#cpu.parse(path, 'cpu.stat', parseCpuStat);
    if (!statistics) return undefined;
    const usage = this.#cpuacct?.parse(path, 'cpuacct.usage', parseTotal);
    return usage === undefined ? statistics : { ...statistics, usage };
  }

  throttledLocally(path: string): bigint | undefined {
    return this.#cpu.parseNewer(path, 'cpu.stat.local', parseCpuStat)?.throttled;
  }

  pressure(path: string, resource: PressureResource): Pressure | undefined {
    if (!this.pressures.includes(resource)) return undefined;
    const name = `${resource}.pressure`;
    // most cgroups are not there: the other files are read only where the first was
    const isFirst = resource === this.pressures[0];
    return isFirst
      ? this.#unified?.parseRare(path, name, parsePressure)
      : this.#unified?.parse(path, name, parsePressure);
  }

  hasProcesses(path: string): boolean {
    return Boolean(this.#cpu.read(path, 'cgroup.procs'));
  }

  /** Shares may also be set as low as an idle group's: then the flag decides. */
  #isIdle(path: string, shares: number): boolean {
    return shares === idleShares && this.#cpu.parseNewer(path, 'cpu.idle', parseNumber) === 1; // Linux 5.15
  }

  #quota(path: string): Pick<CpuEntitlement, 'quota'> {
    const quota = this.#cpu.parse(path, 'cpu.cfs_quota_us', parseMicroseconds);
    if (quota === undefined || quota < 0) return {};
    const period = this.#cpu.parse(path, 'cpu.cfs_period_us', parseMicroseconds);
    if (period === undefined) return {};
    const burst = this.#cpu.parseNewer(path, 'cpu.cfs_burst_us', parseMicroseconds); // Linux 5.14
    return { quota: { quota, period, burst: burst ?? nanoseconds(0) } };
  }
}
