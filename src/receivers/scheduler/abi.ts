import type { Native, NativeObject, StructLayout } from '../../bpf/native.ts';
import { offsetOf } from '../../bpf/u64.ts';

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
  readonly cpu: Layout<'head' | 'irq' | 'ring' | 'drops'>;
  readonly occupant: Layout<'end' | 'stolen'>;
  readonly histogram: Layout<'bucket' | 'zero'>;
  readonly pairKey: Layout<'victim' | 'culprit'>;
  readonly pair: Layout<'other' | 'throttled' | 'last' | 'preemptions'>;
  readonly throttleKey: Layout<'serial' | 'cpu'>;
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
  readonly cgroupRecord: Layout<'change' | 'slot' | 'monotonic' | 'serial' | 'cgroup' | 'path'>;
  readonly retiredRecord: Layout<'cpu' | 'slot' | 'cell'>;
  /** Position in `class[]` by name: `self`, `other`, …, `stolen`, `unknown`. */
  readonly classes: Readonly<Record<string, number>>;
  /** Names in the order of `drops[]`. */
  readonly dropReasons: readonly string[];
  readonly recordTypes: { readonly wait: number; readonly cgroup: number; readonly retired: number };
  readonly cgroupChanges: Readonly<Record<number, KernelChange>>;
  readonly buckets: number;
  readonly ringSlices: number;
}

/** What the kernel does to a cgroup's directory, by its own words. */
export type KernelChange = 'mkdir' | 'rmdir' | 'attach' | 'rename';

/** A struct's size, and the byte offset of each member that is read. */
export type Layout<Member extends string> = { readonly size: number } & Readonly<Record<Member, number>>;

/** Pseudo cgroups of `scheduler.h`; macros are not in BTF, so a test compares these with the header. */
export const pseudoSerials = { idle: 0n, kernel: 1n << 63n, overflow: 1n << 62n } as const;
/** `HISTOGRAM_SCALE` and `HISTOGRAM_OFFSET`, compared likewise. */
export const histogramScale = 2;
export const histogramOffset = -24 * (1 << histogramScale);

export function readAbi(native: Native, object: NativeObject): SchedulerAbi {
  const struct = (name: string) => native.structLayout(object, name);
  const values = (name: string) => native.enumValues(object, name);
  const histogram = struct('histogram');
  const cpu = struct('cpu');
  const types = values('record_type');
  return {
    cell: layout(struct('cell'), [
      'serial',
      'wait',
      'run',
      'class',
      'cgroup',
      'preempted_by_self',
      'preempted_by_kernel',
      'in_progress',
    ]),
    cpu: layout(cpu, ['head', 'irq', 'ring', 'drops']),
    occupant: layout(struct('occupant'), ['end', 'stolen']),
    histogram: layout(histogram, ['bucket', 'zero']),
    pairKey: layout(struct('pair_key'), ['victim', 'culprit']),
    pair: layout(struct('pair'), ['other', 'throttled', 'last', 'preemptions']),
    throttleKey: layout(struct('throttle_key'), ['serial', 'cpu']),
    record: layout(struct('record'), ['type', 'bytes']),
    waitRecord: layout(struct('wait_record'), [
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
    cgroupRecord: layout(struct('cgroup_record'), [
      'change',
      'slot',
      'monotonic',
      'serial',
      'cgroup',
      'path',
    ]),
    retiredRecord: layout(struct('retired_record'), ['cpu', 'slot', 'cell']),
    classes: Object.fromEntries(
      Object.entries(values('wait_class'))
        .filter(([name]) => name !== 'CLASS_COUNT')
        .map(([name, value]) => [plain(name, 'CLASS_'), value]),
    ),
    dropReasons: Object.entries(values('drop_reason'))
      .filter(([name]) => name !== 'DROP_COUNT')
      .sort(([, a], [, b]) => a - b)
      .map(([name]) => plain(name, 'DROP_')),
    recordTypes: {
      wait: required(types, 'RECORD_WAIT'),
      cgroup: required(types, 'RECORD_CGROUP'),
      retired: required(types, 'RECORD_RETIRED'),
    },
    cgroupChanges: Object.fromEntries(
      Object.entries(values('cgroup_change')).map(([name, value]) => [
        value,
        plain(name, 'CGROUP_') as KernelChange,
      ]),
    ),
    buckets: histogram.members.bucket?.length ?? 0,
    ringSlices: cpu.members.ring?.length ?? 0,
  };
}

function layout<Member extends string>(struct: StructLayout, members: readonly Member[]): Layout<Member> {
  const offsets = Object.fromEntries(members.map((member) => [member, offsetOf(struct, member)]));
  return { size: struct.size, ...offsets } as Layout<Member>;
}

function plain(name: string, prefix: string): string {
  return name.slice(prefix.length).toLowerCase();
}

function required(values: Readonly<Record<string, number>>, name: string): number {
  const value = values[name];
  if (value === undefined) throw new Error(`cannot decode kernel data: no enum value "${name}"`);
  return value;
}
