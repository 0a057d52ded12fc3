import { nanoseconds } from '../../telemetry/units.ts';
import { ControlDirectory, readControlFile } from './control-file.ts';
import { idleShares, weightOfShares } from './entitlement.ts';
import {
  type CgroupFiles,
  type CpuEntitlement,
  type CpuStatistics,
  type Pressure,
  type PressureResource,
  pressureResources,
  type Weight,
} from './files.ts';
import {
  parseCpuList,
  parseCpuMax,
  parseCpuStat,
  parseMicroseconds,
  parseNumber,
  parsePressure,
} from './formats.ts';

/** The files of the one hierarchy of version 2. */
export class CgroupFilesV2 implements CgroupFiles {
  readonly version = 2;
  readonly pressures: readonly PressureResource[];
  readonly #files: ControlDirectory;

  constructor(mountPoint: string, root: string) {
    this.#files = new ControlDirectory(mountPoint, root);
    this.pressures = toldPressures(mountPoint);
  }

  cpu(path: string): CpuEntitlement | undefined {
    const weight = this.#files.parse(path, 'cpu.weight', parseNumber);
    // without the controller there is no cpu.max either
    if (weight === undefined && !this.#files.exists(path)) return undefined;
    const cpuset = this.#files.parse(path, 'cpuset.cpus.effective', parseCpuList);
    return {
      ...(weight === undefined ? {} : { ...weightOf(weight), ...this.#quota(path) }),
      ...(cpuset === undefined ? {} : { cpuset }),
    };
  }

  weight(path: string): Weight | undefined {
    const weight = this.#files.parse(path, 'cpu.weight', parseNumber);
    if (weight === undefined) return this.#files.exists(path) ? 'none' : undefined;
    return weightOf(weight).weight;
  }

  cpuStatistics(path: string): CpuStatistics | undefined {
    return this.#files.parse(path, 'cpu.stat', parseCpuStat);
  }

  throttledLocally(path: string): bigint | undefined {
    return this.#files.parseNewer(path, 'cpu.stat.local', parseCpuStat)?.throttled;
  }

  pressure(path: string, resource: PressureResource): Pressure | undefined {
    if (!this.pressures.includes(resource)) return undefined;
    return this.#files.parse(path, `${resource}.pressure`, parsePressure);
  }

  hasProcesses(path: string): boolean {
    return Boolean(this.#files.read(path, 'cgroup.procs'));
  }

  #quota(path: string): Pick<CpuEntitlement, 'quota'> {
    const { quota, period } = this.#files.parse(path, 'cpu.max', parseCpuMax) ?? {};
    if (quota === undefined || period === undefined) return {};
    const burst = this.#files.parseNewer(path, 'cpu.max.burst', parseMicroseconds); // Linux 5.14
    return { quota: { quota, period, burst: burst ?? nanoseconds(0) } };
  }
}

/** What the root has: a kernel without it, or with it turned off at boot, has it nowhere. */
export function toldPressures(mountPoint: string): readonly PressureResource[] {
  return pressureResources.filter((of) => readControlFile(`${mountPoint}/${of}.pressure`) !== undefined);
}

/** An idle group's is rounded down to 0. */
function weightOf(weight: number): { readonly weight: number; readonly isIdle?: true } {
  return weight === 0 ? { weight: weightOfShares(idleShares), isIdle: true } : { weight };
}
