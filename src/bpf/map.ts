import { bytes } from '../telemetry/units.ts';
import type { BpfMap } from './bpf.ts';
import type { MapInfo, Native, NativeObject } from './native.ts';

/** The objects that maps belong to, for those that reuse them. */
const owners = new WeakMap<BpfMap, NativeObject>();

export function openMap(native: Native, object: NativeObject, info: MapInfo): BpfMap {
  const { name, type, keySize, valueSize, maxEntries, key, value } = info;
  const map: BpfMap = {
    ...{ name, type, keySize, valueSize, maxEntries, key, value },
    get bytes() {
      return bytes(native.map(object, name).bytes);
    },
    copy: (into) => native.readArray(object, name, into),
    copyColumns: (into, { first, count, stride }) =>
      native.readArray(object, name, into, first, count, stride),
    entries: (keys, values) => native.readHash(object, name, keys, values),
    get: (at) => native.lookup(object, name, at),
    set: (at, to) => native.update(object, name, at, to),
    delete: (keys) =>
      type.endsWith('_storage')
        ? packed(keys, keySize).filter((key) => native.remove(object, name, key)).length
        : native.deleteKeys(object, name, keys, keys.length / keySize),
    drain: (into, maxRecord) => native.drain(object, name, into, maxRecord),
  };
  owners.set(map, object);
  return map;
}

/** The kernel takes keys of storage one by one. */
function packed(keys: Uint8Array, size: number): readonly Uint8Array[] {
  return Array.from({ length: keys.length / size }, (_, i) => keys.subarray(i * size, (i + 1) * size));
}

export function ownerOf(map: BpfMap): NativeObject {
  const owner = owners.get(map);
  if (!owner) throw new Error(`cannot reuse the map ${map.name}: no open object has it`);
  return owner;
}
