import type { BpfHost, BpfSpec, BpfUse } from '../../bpf/bpf.ts';
import { histogramShiftFor, taskSetsFor, throttleSetsFor, throttleWays } from './sizes.ts';
import type { Dimensions } from './snapshot.ts';
import { type SchedulerOptions, samplingQuantum } from './source.ts';

export const schedulerUse: BpfUse = {
  purpose: 'attach to the scheduler',
  instead:
    'the receiver "cgroup" reports throttling, pressure and limits without eBPF: config/examples/without-ebpf.yaml',
  needs: {
    sleeplessRing: true,
    kernel: [
      {
        struct: 'sched_info',
        member: 'last_queued',
        remedy: 'CONFIG_SCHED_INFO=y, by CONFIG_TASK_DELAY_ACCT or CONFIG_SCHEDSTATS',
      },
      { struct: 'cfs_rq', member: 'rq', remedy: 'CONFIG_FAIR_GROUP_SCHED=y' },
      { struct: 'cfs_rq', member: 'throttle_count', remedy: 'CONFIG_CFS_BANDWIDTH=y' },
    ],
  },
};

/** Threads at once that are throttled, were moved while they waited, or have been waiting since the last reading. */
const openWaitsFor = (cpus: number) => Math.max(2048, cpus * 32);
/** Where tasks are throttled: of each CPU those of the last moments, as they have been throttled and wait to run again. */
const throttleSetsOfTasks = 2;
const ringBytes = 256 * 1024;
/** Beyond it single waits are refused: the rest is for totals of removed cgroups, which nothing makes up for. */
const eventRoom = 0.75;
const burstSeconds = 4;

export interface NodeSize {
  readonly cpus: number;
  /** Neighbouring CPUs that share a last-level cache. */
  readonly cacheCpus: number;
  readonly workloads: number;
}

export function dimensionsFor(node: NodeSize): Dimensions {
  const histogramShift = histogramShiftFor(node);
  const histogramCopies = Math.ceil(node.cpus / 2 ** histogramShift);
  return { rows: node.cpus + 1, slots: node.workloads, histogramShift, histogramCopies };
}

export interface SpecOptions extends SchedulerOptions {
  /** Threads at start. */
  readonly threads?: number;
  /** Cgroups that a quota can throttle, at start. */
  readonly limited?: number;
  /** Neighbouring CPUs that share a last-level cache; where it is not known, a quarter of all. */
  readonly cacheCpus?: number;
}

export function schedulerSpec(options: SpecOptions, size: Dimensions, throttlesTasks: boolean): BpfSpec {
  const cpus = size.rows - 1;
  const taskSets = taskSetsFor({ cpus, threads: options.threads ?? 0 });
  const { limited = 0 } = options;
  const throttleSets = throttlesTasks ? throttleSetsOfTasks : throttleSetsFor({ cpus, limited });
  return {
    ...{ object: 'scheduler', ...schedulerUse },
    constants: {
      slots: size.slots,
      progress_row: cpus,
      histogram_shift: size.histogramShift,
      task_sets: taskSets,
      throttle_sets: throttleSets,
      min_wait: options.minWait,
      sample: options.sample,
      event_interval: Math.round(1e9 / options.eventRate),
      event_room: ringBytes * eventRoom,
      event_burst: burstSeconds * 1_000_000_000,
      quantum: samplingQuantum,
      // Stock kernels from 5.10 to 7.3 call the hook at every switch; one of 6.18 in a virtual machine does not.
      recovers_switches: throttlesTasks ? 1 : 0,
    },
    maxEntries: {
      cells: size.rows * size.slots,
      histograms: size.slots * size.histogramCopies,
      cpus: size.rows,
      histories: cpus,
      tasks: taskSets,
      open_waits: openWaitsFor(cpus),
      drafts: size.rows + 1,
      throttles: cpus * throttleSets * throttleWays,
      pairs: options.maxPairs,
      events: ringBytes,
    },
  };
}

/** From 6.18 on; before, whole run queues. */
export function throttlesTasks(bpf: BpfHost): boolean {
  return bpf.kernelStruct('task_struct')?.includes('throttled') ?? false;
}
