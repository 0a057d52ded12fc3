import { bigintAt, type RecordAt, type RecordFormat, textAt, wordAt } from '../../bpf/records.ts';
import type { CgroupId, MonotonicNanoseconds, Nanoseconds } from '../../telemetry/units.ts';
import { nanoseconds } from '../../telemetry/units.ts';
import type { SchedulerAbi } from './abi.ts';
import type { SerialIndex } from './serial-index.ts';
import { type WaitClass, type WaitEvent, waitClasses } from './source.ts';

/** A cgroup with a cpu controller of its own was removed. */
export interface RemovedRecord {
  readonly slot: number;
  readonly serial: bigint;
}

export interface RetiredRecord {
  readonly cpu: number;
  readonly slot: number;
  /** Where the cell lies in the buffer. */
  readonly words: Uint32Array;
  readonly offset: number;
}

/** A single wait whose other parties are still serial numbers. */
export interface WaitRecord extends Omit<WaitEvent, 'cgroup' | 'culprit' | 'throttler' | 'last'> {
  readonly serial: bigint;
  readonly cgroup: CgroupId;
  readonly culprit: bigint;
  readonly throttler: bigint;
  readonly last: { readonly serial: bigint; readonly pid: number; readonly thread: string };
}

export interface RecordHandler {
  wait(record: WaitRecord): void;
  removed(record: RemovedRecord): void;
  retired(record: RetiredRecord): void;
  /** A record of an unknown type or a wrong size: the rest of the buffer is skipped. */
  malformed(bytes: number): void;
}

export interface RecordContext {
  readonly abi: SchedulerAbi;
  /** Stolen time is interrupt time on this kernel. */
  readonly isStolenByIrq: boolean;
}

/** The records of the scheduler's ring, each given to its handler. */
export function recordFormat({ abi, isStolenByIrq }: RecordContext, handler: RecordHandler): RecordFormat {
  const { record, recordTypes, waitRecord, removedRecord, retiredRecord } = abi;
  return {
    header: record,
    decoders: {
      [recordTypes.wait]: {
        size: waitRecord.size,
        decode: (at) => handler.wait(decodeWait(at, { abi, isStolenByIrq })),
      },
      [recordTypes.removed]: {
        size: removedRecord.size,
        decode: (at) =>
          handler.removed({
            slot: wordAt(at, removedRecord.slot),
            serial: bigintAt(at, removedRecord.serial),
          }),
      },
      [recordTypes.retired]: {
        size: retiredRecord.size,
        decode: (at) =>
          handler.retired({
            cpu: wordAt(at, retiredRecord.cpu),
            slot: wordAt(at, retiredRecord.slot),
            words: at.words,
            offset: at.at + retiredRecord.cell,
          }),
      },
    },
    malformed: (bytes) => handler.malformed(bytes),
  };
}

function decodeWait(record: RecordAt, { abi, isStolenByIrq }: RecordContext): WaitRecord {
  const { waitRecord: layout, classes: positions } = abi;
  const classes = Object.fromEntries(waitClasses.map((name) => [name, 0])) as Record<WaitClass, Nanoseconds>;
  for (const [name, position] of Object.entries(positions)) {
    const time = durationAt(record, layout.class + position * 8);
    if (name === 'stolen') classes[isStolenByIrq ? 'irq' : 'steal'] = time;
    else classes[name as WaitClass] = time;
  }
  return {
    at: bigintAt(record, layout.monotonic) as MonotonicNanoseconds,
    serial: bigintAt(record, layout.serial),
    cgroup: bigintAt(record, layout.cgroup) as CgroupId,
    pid: wordAt(record, layout.pid),
    tgid: wordAt(record, layout.tgid),
    thread: textAt(record, layout.comm, 16),
    cpu: wordAt(record, layout.cpu),
    wait: durationAt(record, layout.wait),
    classes,
    culprit: bigintAt(record, layout.culprit),
    culpritTime: durationAt(record, layout.culprit_ns),
    throttler: bigintAt(record, layout.throttler),
    throttlerTime: durationAt(record, layout.throttler_ns),
    last: {
      serial: bigintAt(record, layout.last),
      pid: wordAt(record, layout.last_pid),
      thread: textAt(record, layout.last_comm, 16),
    },
    idleCpu: {
      time: durationAt(record, layout.idle_cpu_time),
      number: wordAt(record, layout.idle_cpu),
    },
    weight: wordAt(record, layout.weight),
    migrated: wordAt(record, layout.migrated) !== 0,
  };
}

/** Names the parties of a wait, as far as they are known. */
export function nameParties(record: WaitRecord, index: SerialIndex): WaitEvent {
  const { serial, culprit, throttler, last, ...rest } = record;
  const victim = index.find(serial);
  const lastFound = index.find(last.serial);
  return {
    ...rest,
    cgroup: victim === 'kernel' || victim === 'overflow' ? victim : record.cgroup,
    culprit: index.findCgroup(culprit),
    throttler: index.findCgroup(throttler),
    last: {
      cgroup: lastFound === 'overflow' ? undefined : lastFound,
      pid: last.pid,
      thread: last.thread,
    },
  };
}

const durationAt = (record: RecordAt, member: number): Nanoseconds =>
  nanoseconds(Number(bigintAt(record, member)));
