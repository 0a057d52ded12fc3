import type { SchedulerAbi } from '../../../../src/receivers/scheduler/abi.ts';

/** Names and order of `bpf/scheduler/scheduler.h` (a test compares them); sizes as small as tests need. */
const classes = ['self', 'other', 'kernel', 'idle', 'throttled', 'stolen', 'unknown'];
export const lossReasons = [
  'ring_full',
  'retired_lost',
  'pair_full',
  'task_evicted',
  'task_missed',
  'task_lost',
  'open_wait_full',
  'open_wait_lost',
  'throttle_moved',
  'throttle_evicted',
  'throttle_unknown',
  'delayed_dequeue',
  'begin_late',
  'unstamped',
  'clock_backwards',
  'history_truncated',
  'no_slot',
  'no_cell',
  'saturated',
  'suppressed',
  'progress_delayed',
  'progress_raced',
  'progress_lost',
  'switch_missed',
  'switch_lost',
  'unnamed_shared',
  'quota_merged',
  'ext_moved',
  'event_refused',
  'core_scheduled',
];

const occupantSize = 32;
const ringSlices = 2;
const ring = 16;
const buckets = 4;

/** Layouts by hand, so that nothing here needs a kernel or an object file. */
export const abi: SchedulerAbi = {
  cell: {
    serial: 0,
    wait: 8,
    run: 16,
    class: 24,
    cgroup: 80,
    preempted_by_self: 88,
    preempted_by_kernel: 92,
    in_progress: 112,
    size: 128,
  },
  cpu: {
    ...{ head: 0, irq: 8, ring, unpaired: ring + ringSlices * occupantSize },
    size: ring + ringSlices * occupantSize + 8,
  },
  occupant: { end: 0, stolen: 16, size: occupantSize },
  histogram: { bucket: 0, zero: buckets * 4, size: 32 },
  pairKey: { victim: 0, culprit: 8, size: 16 },
  pairRoom: { readings: 0, admit_each: 8, size: 16 },
  pair: { other: 0, throttled: 8, last: 16, preemptions: 24, size: 32 },
  record: { type: 0, bytes: 4, size: 8 },
  waitRecord: {
    monotonic: 8,
    serial: 16,
    cgroup: 24,
    wait: 32,
    class: 40,
    culprit: 96,
    culprit_ns: 104,
    throttler: 112,
    throttler_ns: 120,
    last: 128,
    idle_cpu_time: 136,
    idle_cpu: 144,
    weight: 152,
    cpu: 156,
    pid: 160,
    tgid: 164,
    last_pid: 168,
    migrated: 172,
    comm: 176,
    last_comm: 192,
    size: 208,
  },
  removedRecord: { slot: 8, serial: 16, size: 24 },
  retiredRecord: { cpu: 8, slot: 12, cell: 16, size: 144 },
  classes: Object.fromEntries(classes.map((name, position) => [name, position])),
  recordTypes: { wait: 1, removed: 2, retired: 3 },
  buckets,
  ringSlices,
};

export const classCount = classes.length;

/** Writes the u64 at byte `offset`. */
export function writeBigint(words: Uint32Array, offset: number, value: bigint): void {
  words[offset >> 2] = Number(BigInt.asUintN(32, value));
  words[(offset >> 2) + 1] = Number(BigInt.asUintN(32, value >> 32n));
}
