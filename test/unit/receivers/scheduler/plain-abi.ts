import type { SchedulerAbi } from '../../../../src/receivers/scheduler/abi.ts';

/** Names and order of `bpf/scheduler/scheduler.h` (a test compares them); sizes as small as tests need. */
const classes = ['self', 'other', 'kernel', 'idle', 'throttled', 'stolen', 'unknown'];
export const dropReasons = [
  'ring_full',
  'retired_lost',
  'pair_full',
  'task_evicted',
  'task_missed',
  'open_wait_full',
  'throttle_moved',
  'throttle_full',
  'delayed_dequeue',
  'clock_backwards',
  'history_truncated',
  'no_slot',
  'no_cell',
  'saturated',
  'path_truncated',
  'suppressed',
  'progress_delayed',
  'progress_raced',
  'progress_lost',
  'switch_missed',
  'switch_lost',
  'unnamed_shared',
  'quota_merged',
];

const occupantSize = 32;
const ringSlices = 2;
const ring = 16;
const drops = ring + ringSlices * occupantSize;
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
  cpu: { head: 0, irq: 8, ring, drops, size: drops + 24 * 8 },
  occupant: { end: 0, stolen: 16, size: occupantSize },
  histogram: { bucket: 0, zero: buckets * 4, size: 32 },
  pairKey: { victim: 0, culprit: 8, size: 16 },
  throttleKey: { serial: 0, cpu: 8, size: 16 },
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
  cgroupRecord: { change: 8, slot: 12, monotonic: 16, serial: 24, cgroup: 32, path: 40, size: 104 },
  retiredRecord: { cpu: 8, slot: 12, cell: 16, size: 144 },
  classes: Object.fromEntries(classes.map((name, position) => [name, position])),
  dropReasons,
  recordTypes: { wait: 1, cgroup: 2, retired: 3 },
  cgroupChanges: { 0: 'mkdir', 1: 'rmdir', 2: 'attach', 3: 'rename' },
  buckets,
  ringSlices,
};

export const classCount = classes.length;

/** Writes the u64 at byte `offset`. */
export function writeBigint(words: Uint32Array, offset: number, value: bigint): void {
  words[offset >> 2] = Number(BigInt.asUintN(32, value));
  words[(offset >> 2) + 1] = Number(BigInt.asUintN(32, value >> 32n));
}
