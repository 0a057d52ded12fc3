import type { BpfHost, BpfObject } from '../bpf/bpf.ts';
import { required } from '../bpf/layout.ts';
import { lossReader } from '../bpf/losses.ts';
import { bigintAt, type RecordAt, type RecordFormat, RecordRing } from '../bpf/records.ts';
import { readBigint, wordsOf } from '../bpf/u64.ts';
import { type CgroupId, type MonotonicNanoseconds, seconds } from '../telemetry/units.ts';
import { pathText } from './path/path-bytes.ts';
import type { CgroupRegistry } from './registry.ts';
import type { Serials } from './serials.ts';

export interface LifecycleOptions {
  readonly registry: CgroupRegistry;
  readonly serials: Serials;
  /** Changes were lost, by reason. */
  lose(reason: LifecycleLoss, by: number): void;
}

export type LifecycleLoss = 'ring_full' | 'path_truncated' | 'record_malformed';

/** Changes that the kernel reports of the cgroups of the cpu controller's hierarchy, by `bpf/cgroups.bpf.c`. */
export interface Lifecycle {
  /** Applies the changes up to now. */
  drain(): void;
  /** Idempotent. */
  close(): void;
}

/** 256 nodes of 64 css, and the record of the end. */
const serialsAtOnce = 256 * 64 + 1;
/** Between two readings of all serial numbers, where one is not known. */
const shortestPause = BigInt(seconds(1));
const kinds = { mkdir: 'made', attach: 'seen', rename: 'renamed', rmdir: 'removed' } as const;

/**
 * From now on the registry knows every change, and `serials` the serial number of every cgroup. Throws `UnsupportedError`
 * where the machine cannot.
 */
export function followLifecycle(bpf: BpfHost, options: LifecycleOptions): Lifecycle {
  const { registry, serials } = options;
  const object = bpf.open({
    ...{ object: 'cgroups', purpose: 'follow the life-cycle of cgroups' },
    needs: { sleeplessRing: true }, // preemption is off in its hooks
  });
  try {
    object.attach();
    const drain = changeReader(object, options);
    const readSerials = serialReader(object, serials);
    readSerials();
    const unfollow = registry.follow(drain);
    let readAt = bpf.monotonic();
    serials.follow([
      drain,
      () => {
        if (bpf.monotonic() - readAt < shortestPause) return;
        readSerials();
        readAt = bpf.monotonic();
      },
    ]);
    return {
      drain,
      close() {
        serials.follow([]);
        unfollow();
        object.close();
      },
    };
  } catch (error) {
    object.close();
    throw error;
  }
}

/** Applies what is in the ring, and counts what did not fit into it. */
function changeReader(object: BpfObject, options: LifecycleOptions): () => void {
  const { registry, lose } = options;
  const ring = new RecordRing(object.map('changes'), changeFormat(object, options));
  const takeLosses = lossReader(object);
  return () => {
    ring.drain();
    for (const [reason, by] of takeLosses()) {
      lose(reason as LifecycleLoss, by);
      if (reason === 'ring_full') registry.markStale();
    }
  };
}

function changeFormat(object: BpfObject, { registry, serials, lose }: LifecycleOptions): RecordFormat {
  const layout = object.layout('cgroup_record', ['type', 'bytes', 'monotonic', 'serial', 'cgroup', 'path']);
  const types = object.names('cgroup_change', 'CGROUP_');
  const decode = (kind: (typeof kinds)[keyof typeof kinds], record: RecordAt) => {
    const id = bigintAt(record, layout.cgroup) as CgroupId;
    const serial = bigintAt(record, layout.serial);
    if (serial !== 0n) serials.set(serial, id);
    if (kind === 'removed') serials.markRemoved(serial);
    const path = pathAt(record, layout.path, layout.size - layout.path);
    registry.apply({ kind, id, path, at: bigintAt(record, layout.monotonic) as MonotonicNanoseconds });
  };
  return {
    header: layout,
    decoders: Object.fromEntries(
      Object.entries(kinds).map(([name, kind]) => [
        required(types, name),
        { size: layout.size, decode: (record: RecordAt) => decode(kind, record) },
      ]),
    ),
    malformed() {
      lose('record_malformed', 1);
      registry.markStale();
    },
  };
}

/** Undefined: what fills all but the terminator was truncated as a rule. */
function pathAt({ bytes, at }: RecordAt, member: number, room: number): string | undefined {
  const path = bytes.subarray(at + member, at + member + room - 1);
  const end = path.indexOf(0);
  if (end < 0) return undefined;
  return pathText(Buffer.from(path.buffer, path.byteOffset, end).toString('latin1'));
}

/** Sets the serial number of each cgroup that exists. */
function serialReader(object: BpfObject, serials: Serials): () => void {
  const { size, serial, cgroup } = object.layout('serial_record', ['serial', 'cgroup']);
  return () => {
    const buffer = new Uint8Array(serialsAtOnce * size);
    for (;;) {
      const words = wordsOf(buffer.subarray(0, object.iterate('serials', buffer)));
      for (let at = 0; at < words.byteLength; at += size) {
        const number = readBigint(words, at + serial);
        if (number === 0n) return; // the record of the end
        serials.set(number, readBigint(words, at + cgroup) as CgroupId);
      }
    }
  };
}
