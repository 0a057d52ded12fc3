import type { MapInfo, Native, NativeObject, ProgramInfo } from '../../../src/bpf/native.ts';

const unnamed = { keySize: 4, valueSize: 8, maxEntries: 1, flags: 0, type: 'array', bytes: 0 } as const;

/** An addon that records its calls; `answers` replace what it does. */
export function fakeNative(answers: Partial<Native> = {}) {
  const calls: string[] = [];
  const names = new Map<object, string>();
  const nameOf = (object: NativeObject) => names.get(object) ?? '';
  const native: Partial<Native> = {
    open(path) {
      const object = {} as NativeObject;
      names.set(object, path.replace(/^.*build\/(.*)\.bpf\.o$/, '$1'));
      calls.push(`open ${nameOf(object)}`);
      return object;
    },
    load: (object) => void calls.push(`load ${nameOf(object)}`),
    attach: (object) => void calls.push(`attach ${nameOf(object)}`),
    attachProgram: (_, program) => {
      calls.push(`attach program ${program}`);
      return 7 as never;
    },
    detach: (_, link) => void calls.push(`detach ${link}`),
    close: (object) => void calls.push(`close ${nameOf(object)}`),
    maps: () => [fakeMap({ name: 'cells', bytes: 4096 }), fakeMap({ name: 'events', bytes: 8192 })],
    map: (_, name) => fakeMap({ name, bytes: name === 'cells' ? 4096 : 8192 }),
    programs: () =>
      ['on_switch', 'on_migrate'].map((name) => ({ name, section: 'tp_btf', attached: true }) as ProgramInfo),
    kernelStruct: () => undefined,
    kernelMemberType: () => undefined,
    structLayout: () => ({
      size: 24,
      members: { map: { offset: 0, size: 4, length: 1 }, name: { offset: 8, size: 16, length: 16 } },
    }),
    enumValues: () => ({}),
    openIterator: (_, program) => {
      calls.push(`iterate ${program}`);
      return 9 as never;
    },
    readIterator: () => 0,
    closeIterator: (_, iterator) => void calls.push(`close iterator ${iterator}`),
    createMarker: (name) => {
      calls.push(`mark ${name.replace(/_\d+$/, '')}`);
      return { token: 1, id: 1 };
    },
    closeMarker: () => void calls.push('unmark'),
    monotonic: () => 5n,
    possibleCpus: () => 2,
    ...answers,
  };
  return { native: native as Native, calls };
}

export const fakeMap = (of: Partial<MapInfo> & Pick<MapInfo, 'name'>): MapInfo => ({ ...unnamed, ...of });
