import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { iterate } from './iterator.ts';
import type { Marker, Native } from './native.ts';
import { offsetOf } from './u64.ts';
import { unsupportedIfRefused } from './unsupported-error.ts';

export interface InstanceLock {
  release(): void;
}

const objectPath = fileURLToPath(new URL('../../build/markers.bpf.o', import.meta.url));
/** 3,000 queue maps of all programs on the machine; hardly any uses one. */
const listBytes = 64 * 1024;

/** Objects of this process share a lock, as while one configuration takes over from another. */
export function sharedLocks(native: () => Native) {
  const held = new Map<string, { readonly lock: InstanceLock; holders: number }>();
  return {
    /** Returns what releases it, once. Throws as `lockInstance`. */
    take(name: string): () => void {
      const shared = held.get(name) ?? { lock: lockInstance(native(), name), holders: 0 };
      held.set(name, shared);
      shared.holders++;
      return () => {
        if (--shared.holders > 0) return;
        held.delete(name);
        shared.lock.release();
      };
    },
  };
}

/**
 * One agent a kernel: two would pay twice and report everything twice. The lock is a marker in the kernel, a BPF map
 * named after the agent and its pid. BPF maps know no namespaces and no file system, making this kind of map and looking
 * for it needs what the agent needs anyway (CAP_BPF, CAP_PERFMON), and it goes with the process however that ends. Of
 * two that start at once the one whose marker came first goes on. Throws with code `EBUSY`,
 * or `UnsupportedError` where the kernel refuses.
 *
 * What would not do: an abstract socket is one of the network namespace, a file in /run one of the mount namespace, sysfs
 * is one of the network namespace too; and flock on what all share (a cgroup directory, a namespace in /proc) is open to
 * every user, and any of them could keep the agent from starting.
 *
 * Not covered: a process that may load BPF can hold the lock as well, or keep it beyond its end by pinning the map. Ids start anew
 * after 2^31 maps: an agent that has run since then is not noticed. An older agent without markers is not noticed.
 */
export function lockInstance(native: Native, name: string): InstanceLock {
  const object = native.open(objectPath, {});
  try {
    native.load(object);
    const layout = native.structLayout(object, 'marker_record');
    const list = () => {
      const records = new Uint8Array(listBytes);
      const used = iterate(native, object, { program: 'markers', into: records });
      return decodeMarkers(records.subarray(0, used), {
        size: layout.size,
        map: offsetOf(layout, 'map'),
        name: offsetOf(layout, 'name'),
      }).filter((marker) => marker.name.startsWith(`${name}_`));
    };
    const [holder] = list();
    if (holder) throw heldBy(holder);
    const own = native.createMarker(`${name}_${process.pid}`);
    try {
      const first = list().find(({ id }) => id < own.id);
      if (first) throw heldBy(first);
    } catch (error) {
      native.closeMarker(own.token);
      throw error;
    }
    return held(native, own);
  } catch (error) {
    throw unsupportedIfRefused({ purpose: 'see whether another agent is running' }, error);
  } finally {
    native.close(object);
  }
}

interface FoundMarker {
  readonly id: number;
  readonly name: string;
}

function held(native: Native, marker: Marker): InstanceLock {
  let isHeld = true;
  return {
    release: () => {
      if (isHeld) native.closeMarker(marker.token);
      isHeld = false;
    },
  };
}

function decodeMarkers(
  records: Uint8Array,
  layout: { readonly size: number; readonly map: number; readonly name: number },
): FoundMarker[] {
  const view = Buffer.from(records.buffer, records.byteOffset, records.length);
  const markers: FoundMarker[] = [];
  for (let at = 0; at + layout.size <= view.length; at += layout.size) {
    const name = view.toString('latin1', at + layout.name, at + layout.size);
    markers.push({ id: view.readUInt32LE(at + layout.map), name: name.slice(0, name.indexOf('\0')) });
  }
  return markers;
}

function heldBy({ id, name }: FoundMarker): Error {
  const pid = Number(name.slice(name.lastIndexOf('_') + 1));
  // the pid is one of the holder's pid namespace: here it may belong to no process or to another one
  const where = hasMap(pid, id) ? '' : ' in its own pid namespace';
  return Object.assign(
    new Error(`another earshot (pid ${pid}${where}) is attached to this machine: stop it first`),
    { code: 'EBUSY' },
  );
}

function hasMap(pid: number, map: number): boolean {
  const directory = `/proc/${pid}/fdinfo`;
  try {
    return readdirSync(directory).some((fd) =>
      new RegExp(`^map_id:\\s*${map}$`, 'm').test(readFileSync(`${directory}/${fd}`, 'utf8')),
    );
  } catch {
    return false; // no such process here, or it cannot be looked into
  }
}
