import { fileURLToPath } from 'node:url';
import type { BpfHost, BpfMap, BpfObject, BpfSpec, Link, Target } from '../../src/bpf/bpf.ts';
import { type Btf, btfOf } from '../../src/bpf/layout.ts';
import { loadNative, type MapInfo, type Native } from '../../src/bpf/native.ts';
import { UnsupportedError } from '../../src/bpf/unsupported-error.ts';
import { type Bytes, bytes, type MonotonicNanoseconds, nanoseconds } from '../../src/telemetry/units.ts';

/** What an object of the fake kernel does; everything else is empty. */
export interface FakeObject {
  /** By name. */
  readonly maps?: (types: Btf) => Readonly<Record<string, Partial<BpfMap>>>;
  readonly programs?: readonly string[];
  readonly losses?: () => Readonly<Record<string, number>>;
  readonly iterate?: BpfObject['iterate'];
  readonly iterateInSteps?: BpfObject['iterateInSteps'];
  readonly measureCost?: BpfObject['measureCost'];
}

/**
 * A kernel that runs no program. Types, sizes and names are those of the built objects, nothing is loaded; a test says what
 * their maps hold, and reads back what was opened and attached.
 */
export class FakeBpf implements BpfHost {
  /** What the machine lacks. */
  lacks: readonly string[] = [];
  now = 0n;
  cpus = 1;
  structs: Readonly<Record<string, readonly string[]>> = {};
  readonly opened: BpfSpec[] = [];
  /** Programs of open objects, `*` for all of one. */
  readonly attached = new Set<string>();
  /** Names of objects not closed yet. */
  readonly left = new Set<string>();
  readonly #objects: Readonly<Record<string, FakeObject>>;
  #native: Native | undefined;

  /** By the name of the object. */
  constructor(objects: Readonly<Record<string, FakeObject>> = {}) {
    this.#objects = objects;
  }

  missing(): readonly string[] {
    return this.lacks;
  }

  open(spec: BpfSpec): BpfObject {
    if (this.lacks.length) throw new UnsupportedError(spec, this.lacks);
    this.#native ??= loadNative();
    this.opened.push(spec);
    this.left.add(spec.object);
    return openFake(this.#native, spec, {
      of: this.#objects[spec.object] ?? {},
      attached: this.attached,
      closed: () => void this.left.delete(spec.object),
    });
  }

  monotonic(): MonotonicNanoseconds {
    return this.now as MonotonicNanoseconds;
  }

  cpuRows(): number {
    return this.cpus;
  }

  pidfd(): number {
    return -1;
  }

  kernelStruct(name: string): readonly string[] | undefined {
    return this.structs[name];
  }
}

function openFake(
  native: Native,
  { object, constants = {}, maxEntries = {}, without = [] }: BpfSpec,
  {
    of,
    attached,
    closed,
  }: { readonly of: FakeObject; readonly attached: Set<string>; readonly closed: () => void },
): BpfObject {
  const path = fileURLToPath(new URL(`../../build/${object}.bpf.o`, import.meta.url));
  const handle = native.open(path, { rodata: constants, maxEntries, without });
  const btf = btfOf(native, handle);
  const own = of.maps?.(btf) ?? {};
  const maps = native.maps(handle).map((info) => fakeMap(info, own[info.name]));
  function attach(): void;
  function attach(program: string, to?: Target): Link;
  function attach(program = '*'): Link {
    attached.add(program);
    return { detach: () => void attached.delete(program) };
  }
  return {
    ...btf,
    maps,
    programs: (of.programs ?? []).map((name) => ({ name, section: name, isAttached: attached.has(name) })),
    memory: bytes(maps.reduce((sum, map) => sum + map.bytes, 0)),
    map(name) {
      const map = maps.find((one) => one.name === name);
      if (!map) throw new Error(`${object}.bpf.o has no map ${name}`);
      return map;
    },
    attach,
    iterate: of.iterate ?? (() => 0),
    iterateInSteps: of.iterateInSteps ?? function* () {},
    measureCost: of.measureCost ?? (() => ({ end: () => ({ programs: [], elapsed: nanoseconds(0) }) })),
    losses: of.losses ?? (() => ({})),
    close() {
      native.close(handle);
      attached.clear();
      closed();
    },
  };
}

/** An empty map, but for what a test gives. */
const fakeMap = (
  { name, type, keySize, valueSize, maxEntries, key, value }: MapInfo,
  own: Partial<BpfMap> = {},
): BpfMap => ({
  ...{ name, type, keySize, valueSize, maxEntries, key, value },
  bytes: 0 as Bytes,
  copy: (into) => into.fill(0).length,
  copyColumns: (into) => into.fill(0).length,
  entries: () => 0,
  get: () => undefined,
  set: () => {},
  delete: () => 0,
  drain: () => 0,
  ...own,
});
