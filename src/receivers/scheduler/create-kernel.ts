import { readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import { lockInstance } from '../../bpf/instance-lock.ts';
import { loadNative } from '../../bpf/native.ts';
import { inspectMachine, missingInKernel, missingRequirements } from '../../bpf/needs.ts';
import { UnsupportedError } from '../../bpf/unsupported-error.ts';
import { cgroupCounters } from '../../cgroup/emits.ts';
import type { CgroupFiles } from '../../cgroup/files/files.ts';
import { openCgroupFiles } from '../../cgroup/files/open.ts';
import {
  type CpuHierarchy,
  findCpuHierarchy,
  missingFrom,
  readMountinfo,
  viewFrom,
} from '../../cgroup/hierarchy.ts';
import { findOwnCgroup } from '../../cgroup/own.ts';
import { type CgroupRegistry, openRegistry } from '../../cgroup/registry.ts';
import { scanCgroups } from '../../cgroup/scan.ts';
import { hostFile } from '../../machine/host-file.ts';
import type { Counters } from '../../telemetry/counters.ts';
import type { CgroupId, MonotonicNanoseconds, Nanoseconds, UnixNanoseconds } from '../../telemetry/units.ts';
import { checkSource } from './check-source.ts';
import type { Kernel } from './kernel.ts';
import { openLiveScheduler } from './live-scheduler.ts';
import { openRecording, RecordedCgroups } from './recording.ts';
import type { SchedulerOptions, SchedulerSource } from './source.ts';

export interface KernelOptions {
  readonly log: Logger;
  readonly counters: Counters;
  /** As in the configuration, `service::host`. */
  readonly host: {
    readonly root_path: string;
    readonly keep_removed: Nanoseconds;
    readonly max_cgroups: number;
  };
  /** Replay this file instead of looking at the machine. */
  readonly recording?: string;
}

/** The kernel of this machine, or a recording of another. */
export function createKernel({ recording, ...options }: KernelOptions): Kernel {
  if (recording !== undefined) {
    const cgroups = new RecordedCgroups();
    return {
      cgroups,
      cgroupFiles: undefined,
      openScheduler: async () => openRecording(recording, cgroups),
    };
  }
  const { log, host } = options;
  const mountinfo = process.platform === 'linux' ? readMountinfo() : '';
  const hierarchy = findCpuHierarchy(mountinfo, viewFrom(host.root_path));
  const missing = missingFrom(hierarchy);
  if (missing !== undefined) log.warn(missing);
  const cgroups = openCgroups(hierarchy, options);
  return {
    cgroups,
    cgroupFiles: hierarchy && filesOf(hierarchy, mountinfo),
    rootPath: host.root_path,
    ownCgroup: () => ownCgroup(hierarchy),
    openScheduler: (settings) =>
      openScheduler(settings, { cgroups, hierarchy, log, rootPath: host.root_path }),
  };
}

function filesOf({ root, ...hierarchy }: CpuHierarchy, mountinfo: string): CgroupFiles | undefined {
  return root === undefined ? undefined : openCgroupFiles({ ...hierarchy, root }, mountinfo);
}

function ownCgroup(hierarchy: CpuHierarchy | undefined): CgroupId | undefined {
  const own = findOwnCgroup(readFileSync('/proc/self/cgroup', 'utf8'), hierarchy?.mounts ?? []);
  return own.kind === 'found' ? own.id : undefined;
}

function openCgroups(hierarchy: CpuHierarchy | undefined, { counters, host }: KernelOptions): CgroupRegistry {
  return openRegistry({
    maxCgroups: host.max_cgroups,
    keepRemoved: host.keep_removed,
    scan: () => scanCgroups(hierarchy),
    monotonic: () => process.hrtime.bigint() as MonotonicNanoseconds,
    now: () => (BigInt(Date.now()) * 1_000_000n) as UnixNanoseconds,
    known: (state, by) => counters.add(cgroupCounters.known, by, { state }),
    lose: (reason) => counters.add(cgroupCounters.dropped, 1, { reason }),
  });
}

interface Surroundings {
  readonly cgroups: CgroupRegistry;
  readonly hierarchy: CpuHierarchy | undefined;
  readonly log: Logger;
  readonly rootPath: string;
}

async function openScheduler(options: SchedulerOptions, of: Surroundings): Promise<SchedulerSource> {
  const missing = missingRequirements(inspectMachine(of.rootPath));
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
        cpuTimes: hostFile(of.rootPath, '/proc/stat'),
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
    const unfollow = of.cgroups.follow(() => source.tellChanges());
    return {
      histogramScale: source.histogramScale,
      describe: () => ({ ...description, features: { ...features, ...found } }),
      drain: () => source.drain(),
      read: () => {
        const reading = source.read();
        if (reading.drops.ring_full) of.cgroups.doubt();
        return reading;
      },
      measureCost: () => source.measureCost(),
      close: () => {
        unfollow();
        source.close();
        lock.release();
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}
