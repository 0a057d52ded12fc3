import { readBigint, wordsOf } from '../../bpf/u64.ts';
import type { CgroupId, MonotonicNanoseconds, Nanoseconds } from '../../telemetry/units.ts';
import { nanoseconds } from '../../telemetry/units.ts';
import type { KernelChange, SchedulerAbi } from './abi.ts';
import type { SerialIndex } from './serial-index.ts';
import { type WaitClass, type WaitEvent, waitClasses } from './source.ts';

export interface CgroupRecord {
  readonly change: KernelChange;
  readonly at: MonotonicNanoseconds;
  readonly slot: number;
  /** 0: it has no cpu controller of its own. */
  readonly serial: bigint;
  readonly cgroup: CgroupId;
  /** Undefined: longer than a record. */
  readonly path: string | undefined;
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
  cgroup(record: CgroupRecord): void;
  retired(record: RetiredRecord): void;
  /** A record that says a size it cannot have, or a type nobody knows: the rest of the buffer is skipped. */
  malformed(bytes: number): void;
}

export interface RecordContext {
  readonly abi: SchedulerAbi;
  /** Stolen time is interrupt time on this kernel. */
  readonly isStolenByIrq: boolean;
}

/** Decodes what came from the ring buffer, oldest first. Nothing in `bytes` is trusted beyond its own length. */
export function decodeRecords(bytes: Uint8Array, context: RecordContext, handler: RecordHandler): void {
  const { abi } = context;
  const words = wordsOf(bytes);
  const { record, recordTypes, waitRecord, cgroupRecord, retiredRecord } = abi;
  let offset = 0;
  while (offset + record.size <= bytes.length) {
    const type = word(words, offset + record.type);
    const size = word(words, offset + record.bytes);
    const expected =
      type === recordTypes.wait
        ? waitRecord.size
        : type === recordTypes.cgroup
          ? cgroupRecord.size
          : type === recordTypes.retired
            ? retiredRecord.size
            : -1;
    if (size !== expected || offset + size > bytes.length) {
      handler.malformed(bytes.length - offset);
      return;
    }
    if (type === recordTypes.wait) handler.wait(decodeWait(words, bytes, offset, context));
    else if (type === recordTypes.cgroup) handler.cgroup(decodeCgroup(words, bytes, offset, abi));
    else
      handler.retired({
        cpu: word(words, offset + retiredRecord.cpu),
        slot: word(words, offset + retiredRecord.slot),
        words,
        offset: offset + retiredRecord.cell,
      });
    offset += Math.ceil(size / 8) * 8;
  }
  if (offset < bytes.length) handler.malformed(bytes.length - offset);
}

function decodeWait(
  words: Uint32Array,
  bytes: Uint8Array,
  at: number,
  { abi, isStolenByIrq }: RecordContext,
): WaitRecord {
  const { waitRecord: layout, classes: positions } = abi;
  const classes = Object.fromEntries(waitClasses.map((name) => [name, 0])) as Record<WaitClass, Nanoseconds>;
  for (const [name, position] of Object.entries(positions)) {
    const time = duration(words, at + layout.class + position * 8);
    if (name === 'stolen') classes[isStolenByIrq ? 'irq' : 'steal'] = time;
    else classes[name as WaitClass] = time;
  }
  return {
    at: readBigint(words, at + layout.monotonic) as MonotonicNanoseconds,
    serial: readBigint(words, at + layout.serial),
    cgroup: readBigint(words, at + layout.cgroup) as CgroupId,
    pid: word(words, at + layout.pid),
    tgid: word(words, at + layout.tgid),
    thread: text(bytes, at + layout.comm, 16),
    cpu: word(words, at + layout.cpu),
    wait: duration(words, at + layout.wait),
    classes,
    culprit: readBigint(words, at + layout.culprit),
    culpritTime: duration(words, at + layout.culprit_ns),
    throttler: readBigint(words, at + layout.throttler),
    throttlerTime: duration(words, at + layout.throttler_ns),
    last: {
      serial: readBigint(words, at + layout.last),
      pid: word(words, at + layout.last_pid),
      thread: text(bytes, at + layout.last_comm, 16),
    },
    idleCpu: {
      time: duration(words, at + layout.idle_cpu_time),
      number: word(words, at + layout.idle_cpu),
    },
    weight: word(words, at + layout.weight),
    migrated: word(words, at + layout.migrated) !== 0,
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

/** Whether somebody in it has to be looked up first. */
export function hasStranger({ culprit, throttler, last }: WaitRecord, index: SerialIndex): boolean {
  return [culprit, throttler, last.serial].some(
    (serial) => serial !== 0n && index.find(serial) === undefined,
  );
}

function decodeCgroup(words: Uint32Array, bytes: Uint8Array, at: number, abi: SchedulerAbi): CgroupRecord {
  const { cgroupRecord: layout, cgroupChanges } = abi;
  const room = layout.size - layout.path;
  // what fills all but the terminator has been cut off as a rule
  const isWhole = bytes.subarray(at + layout.path, at + layout.path + room - 1).includes(0);
  return {
    change: cgroupChanges[word(words, at + layout.change)] ?? 'attach',
    at: readBigint(words, at + layout.monotonic) as MonotonicNanoseconds,
    slot: word(words, at + layout.slot),
    serial: readBigint(words, at + layout.serial),
    cgroup: readBigint(words, at + layout.cgroup) as CgroupId,
    path: isWhole ? text(bytes, at + layout.path, room) : undefined,
  };
}

function word(words: Uint32Array, offset: number): number {
  return words[offset >> 2] ?? 0;
}

function duration(words: Uint32Array, offset: number): Nanoseconds {
  return nanoseconds(Number(readBigint(words, offset)));
}

function text(bytes: Uint8Array, offset: number, length: number): string {
  const field = bytes.subarray(offset, offset + length);
  const end = field.indexOf(0);
  return Buffer.from(end < 0 ? field : field.subarray(0, end)).toString('utf8');
}
