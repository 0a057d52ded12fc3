import type { Logger } from 'pino';
import { CgroupTree, type CpuHierarchy, findCpuHierarchy, readMountinfo } from './cgroup-tree.ts';
import type { Cgroups } from './cgroups.ts';
import { checkSource } from './check-source.ts';
import { lockInstance } from './instance-lock.ts';
import type { Kernel } from './kernel.ts';
import { openLiveScheduler } from './live-scheduler.ts';
import { loadNative } from './native.ts';
import { openRecording, RecordedCgroups } from './recording.ts';
import { inspectMachine, missingInKernel, missingRequirements } from './requirements.ts';
import type { SchedulerOptions, SchedulerSource } from './scheduler-source.ts';
import { UnsupportedError } from './unsupported-error.ts';

const cgroupLimit = 16_384;
const rescanAfterMs = 1000;

export interface KernelOptions {
  readonly log: Logger;
  /** Replay this file instead of looking at the machine. */
  readonly recording?: string;
}

/** The kernel of this machine, or a recording of another. */
export function createKernel({ log, recording }: KernelOptions): Kernel {
  if (recording !== undefined) {
    const cgroups = new RecordedCgroups();
    return {
      cgroups,
      cgroupFiles: undefined,
      openScheduler: async () => openRecording(recording, cgroups),
    };
  }
  const now = () => performance.now();
  const hierarchy = process.platform === 'linux' ? findCpuHierarchy(readMountinfo()) : undefined;
  if (!hierarchy) log.warn('no cgroup hierarchy is mounted here: cgroups will have no names');
  const cgroups = new CgroupTree(hierarchy?.mountPoint, { limit: cgroupLimit, rescanAfterMs, now });
  return {
    cgroups,
    cgroupFiles: undefined,
    openScheduler: (options) => openScheduler(options, { cgroups, hierarchy, log }),
  };
}

interface Surroundings {
  readonly cgroups: Cgroups;
  readonly hierarchy: CpuHierarchy | undefined;
  readonly log: Logger;
}

async function openScheduler(options: SchedulerOptions, of: Surroundings): Promise<SchedulerSource> {
  const missing = missingRequirements(inspectMachine());
  if (missing.length) throw new UnsupportedError('attach to the scheduler', missing);
  const native = loadNative();
  const missingThere = missingInKernel(native);
  if (missingThere.length) throw new UnsupportedError('attach to the scheduler', missingThere);
  const lock = lockInstance(native);
  try {
    const source = openLiveScheduler(
      native,
      {
        ...options,
        warn: (error) =>
          of.log.warn(
            error,
            'some time of interrupts and of the hypervisor counts as that of whoever had the CPU',
          ),
      },
      of.cgroups,
    );
    const { features, ...description } = source.describe();
    const found = await checkSource(source, native, of).catch((error: unknown) => {
      source.close();
      throw error;
    });
    return {
      histogramScale: source.histogramScale,
      describe: () => ({ ...description, features: { ...features, ...found } }),
      drain: () => source.drain(),
      read: () => source.read(),
      measureCost: () => source.measureCost(),
      close: () => {
        source.close();
        lock.release();
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}
