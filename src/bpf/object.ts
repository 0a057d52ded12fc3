import { fileURLToPath } from 'node:url';
import { bytes } from '../telemetry/units.ts';
import type { BpfObject, BpfSpec, Link, Target } from './bpf.ts';
import { measureCost } from './cost.ts';
import { iterate, iterateInSteps } from './iterator.ts';
import { btfOf } from './layout.ts';
import { openLink } from './links.ts';
import { readLosses } from './losses.ts';
import { openMap, ownerOf } from './map.ts';
import type { Native, NativeObject } from './native.ts';
import { unsupportedIfRefused } from './unsupported-error.ts';

const pathOf = (object: string) => fileURLToPath(new URL(`../../build/${object}.bpf.o`, import.meta.url));

/** Loads an object; `release` is called once when it is closed. */
export function openObject(native: Native, spec: BpfSpec, release: () => void): BpfObject {
  const { constants = {}, maxEntries = {}, without = [], programs = {}, reuse = {} } = spec;
  const handle = native.open(pathOf(spec.object), {
    ...{ rodata: constants, maxEntries, without, programs },
    reuse: Object.fromEntries(Object.entries(reuse).map(([name, map]) => [name, ownerOf(map)])),
  });
  try {
    native.load(handle);
    return loaded(native, handle, { spec, release });
  } catch (error) {
    native.close(handle);
    throw error;
  }
}

function loaded(
  native: Native,
  handle: NativeObject,
  { spec, release }: { readonly spec: BpfSpec; readonly release: () => void },
): BpfObject {
  const maps = native.maps(handle).map((info) => openMap(native, handle, info));
  const btf = btfOf(native, handle);
  let isOpen = true;
  function attach(): void;
  function attach(program: string, to?: Target): Link;
  function attach(program?: string, to?: Target): Link | undefined {
    try {
      if (program !== undefined) return openLink(native, handle, { program, to, isOpen: () => isOpen });
      native.attach(handle);
      return undefined;
    } catch (error) {
      throw unsupportedIfRefused(spec, error);
    }
  }
  return {
    ...btf,
    maps,
    get programs() {
      return native
        .programs(handle)
        .map(({ name, section, attached }) => ({ name, section, isAttached: attached }));
    },
    get memory() {
      return bytes(maps.reduce((sum, map) => sum + map.bytes, 0));
    },
    map(name) {
      const found = maps.find((map) => map.name === name);
      if (!found) throw new Error(`cannot find map "${name}": ${spec.object}.bpf.o has none of that name`);
      return found;
    },
    attach,
    iterate: (program, into, of) => iterate(native, handle, { program, into, of }),
    iterateInSteps: (program, into, of) =>
      iterateInSteps(native, handle, { program, into, of, isOpen: () => isOpen }),
    measureCost: () => measureCost(native, handle),
    losses: () => readLosses(maps, btf),
    close() {
      if (!isOpen) return;
      isOpen = false;
      native.close(handle);
      release();
    },
  };
}
