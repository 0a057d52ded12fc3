import { type Btf, type Layout, required } from '../../bpf/layout.ts';

/** What user space knows of `bpf/scheduler/scheduler.h`, taken from the object itself when it is opened. */
export interface SchedulerAbi {
  readonly cell: Layout<
    | 'serial'
    | 'wait'
    | 'run'
    | 'class'
    | 'cgroup'
    | 'preempted_by_self'
    | 'preempted_by_kernel'
    | 'in_progress'
  >;
  readonly cpu: Layout<'head' | 'irq' | 'ring' | 'unpaired'>;
  readonly occupant: Layout<'end' | 'stolen'>;
  readonly histogram: Layout<'bucket' | 'zero'>;
  readonly pairKey: Layout<'victim' | 'culprit'>;
  readonly pairRoom: Layout<'readings' | 'admit_each'>;
  readonly pair: Layout<'other' | 'throttled' | 'last' | 'preemptions'>;
  readonly record: Layout<'type' | 'bytes'>;
  readonly waitRecord: Layout<
    | 'monotonic'
    | 'serial'
    | 'cgroup'
    | 'wait'
    | 'class'
    | 'culprit'
    | 'culprit_ns'
    | 'throttler'
    | 'throttler_ns'
    | 'last'
    | 'idle_cpu_time'
    | 'idle_cpu'
    | 'weight'
    | 'cpu'
    | 'pid'
    | 'tgid'
    | 'last_pid'
    | 'migrated'
    | 'comm'
    | 'last_comm'
  >;
  readonly removedRecord: Layout<'slot' | 'serial'>;
  readonly retiredRecord: Layout<'cpu' | 'slot' | 'cell'>;
  /** Position in `class[]` by name: `self`, `other`, …, `stolen`, `unknown`. */
  readonly classes: Readonly<Record<string, number>>;
  readonly recordTypes: { readonly wait: number; readonly removed: number; readonly retired: number };
  readonly buckets: number;
  readonly ringSlices: number;
}

/** Pseudo cgroups of `scheduler.h`; macros are not in BTF, so a test compares these with the header. */
export const pseudoSerials = { idle: 0n, kernel: 1n << 63n, overflow: 1n << 62n } as const;
/** `HISTOGRAM_SCALE` and `HISTOGRAM_OFFSET`, compared likewise. */
export const histogramScale = 2;
export const histogramOffset = -24 * (1 << histogramScale);

export function readAbi(object: Btf): SchedulerAbi {
  const types = object.names('record_type', 'RECORD_');
  return {
    cell: object.layout('cell', [
      'serial',
      'wait',
      'run',
      'class',
      'cgroup',
      'preempted_by_self',
      'preempted_by_kernel',
      'in_progress',
    ]),
    cpu: object.layout('cpu', ['head', 'irq', 'ring', 'unpaired']),
    occupant: object.layout('occupant', ['end', 'stolen']),
    histogram: object.layout('histogram', ['bucket', 'zero']),
    pairKey: object.layout('pair_key', ['victim', 'culprit']),
    pairRoom: object.layout('pair_room', ['readings', 'admit_each']),
    pair: object.layout('pair', ['other', 'throttled', 'last', 'preemptions']),
    record: object.layout('record', ['type', 'bytes']),
    waitRecord: object.layout('wait_record', [
      'monotonic',
      'serial',
      'cgroup',
      'wait',
      'class',
      'culprit',
      'culprit_ns',
      'throttler',
      'throttler_ns',
      'last',
      'idle_cpu_time',
      'idle_cpu',
      'weight',
      'cpu',
      'pid',
      'tgid',
      'last_pid',
      'migrated',
      'comm',
      'last_comm',
    ]),
    removedRecord: object.layout('removed_record', ['slot', 'serial']),
    retiredRecord: object.layout('retired_record', ['cpu', 'slot', 'cell']),
    classes: object.names('wait_class', 'CLASS_'),
    recordTypes: {
      wait: required(types, 'wait'),
      removed: required(types, 'removed'),
      retired: required(types, 'retired'),
    },
    buckets: object.lengthOf('histogram', 'bucket'),
    ringSlices: object.lengthOf('cpu', 'ring'),
  };
}
