import assert from 'node:assert/strict';
import { closeSync } from 'node:fs';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import type { Iterator, Link, Marker, Native, NativeObject } from '../../../src/bpf/native.ts';
import { usualOr } from '../../lab/thorough.ts';
import { attachFixture, fixture, happen, native, openDescriptors, openFixture } from './fixture.ts';

/** The addon without its types: what JavaScript could pass. */
const untyped = native as unknown as Record<string, (...values: readonly unknown[]) => unknown>;

const secondsEach = usualOr(0.2, 1);
const bound = {
  numRuns: 100_000,
  interruptAfterTimeLimit: secondsEach * 1000,
  markInterruptAsFailure: false,
};

let live: NativeObject;
let unloaded: NativeObject;
let closed: NativeObject;
before(() => {
  live = attachFixture();
  unloaded = openFixture();
  closed = openFixture();
  native.close(closed);
});
after(() => {
  native.close(live);
  native.close(unloaded);
});

function detached(): Uint8Array {
  const bytes = new Uint8Array(64);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  return bytes;
}

const views = [
  Uint8Array,
  Int8Array,
  Uint8ClampedArray,
  Uint16Array,
  Uint32Array,
  Float64Array,
  BigUint64Array,
];
const anyBuffer = fc.oneof(
  fc.nat({ max: 5000 }).map((length) => new Uint8Array(length)),
  fc.tuple(fc.constantFrom(...views), fc.nat({ max: 600 })).map(([View, length]) => new View(length)),
  // in the middle of a larger one, aligned or not
  fc
    .tuple(fc.nat({ max: 9 }), fc.nat({ max: 600 }))
    .map(([at, length]) => new Uint8Array(new ArrayBuffer(at + length + 7), at, length)),
  fc.nat({ max: 600 }).map((length) => new Uint8Array(new SharedArrayBuffer(length))),
  fc.nat({ max: 600 }).map((length) => new Uint8Array(new ArrayBuffer(length, { maxByteLength: 4096 }))),
  fc.nat({ max: 600 }).map((length) => new DataView(new ArrayBuffer(length))),
  fc.nat({ max: 600 }).map((length) => new ArrayBuffer(length)),
  fc.constant(undefined).map(detached),
);
const anyNumber = fc.oneof(
  fc.nat({ max: 64 }),
  fc.double(),
  fc.maxSafeInteger(),
  fc.bigInt(),
  fc.constantFrom(-0, 2 ** 31, 2 ** 32 - 1, 2 ** 32),
);
const anyText = fc.oneof(
  fc.constantFrom(
    'cells',
    'squares',
    'records',
    'unmappable',
    '.rodata',
    'layout',
    'shape',
    'bits',
    'task_struct',
    'native.bpf.o',
    'on_syscall',
    'on_return',
    '',
  ),
  fc.string({ unit: 'binary', maxLength: 400 }),
);
const trap = () => {
  throw new RangeError('from a trap');
};
const hostile = [
  new Proxy({}, { get: trap, ownKeys: trap }),
  Object.defineProperty([], 'length', { value: 4_294_967_295 }),
  Symbol('odd'),
  () => 0,
];
const anyOptions = fc.record(
  {
    rodata: fc.oneof(
      fc.dictionary(fc.oneof(fc.constantFrom('small', 'wide', 'step', 'flag', 'list'), anyText), anyNumber),
      fc.anything(),
    ),
    maxEntries: fc.oneof(fc.dictionary(anyText, fc.oneof(fc.nat({ max: 64 }), fc.double())), fc.anything()),
    programs: fc.oneof(
      fc.dictionary(anyText, fc.record({ type: anyText, attachType: anyText }, { requiredKeys: [] })),
      fc.anything(),
    ),
    reuse: fc.oneof(fc.dictionary(anyText, fc.anything()), fc.anything()),
    without: fc.oneof(fc.array(anyText, { maxLength: 4 }), fc.anything()),
  },
  { requiredKeys: [] },
);
const maybe = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ arbitrary, weight: 9 }, { arbitrary: fc.anything(), weight: 1 });
const anyTarget = fc.oneof(
  fc.record(
    {
      kind: fc.constantFrom(
        'kprobe',
        'tracepoint',
        'raw_tracepoint',
        'uprobe',
        'uprobe_multi',
        'usdt',
        'odd',
      ),
      binary: maybe(fc.constantFrom('/dev/null', '/nonexistent', '')),
      ...{ function: maybe(anyText), symbol: maybe(anyText), name: maybe(anyText), category: maybe(anyText) },
      ...{
        provider: maybe(anyText),
        offset: maybe(anyNumber),
        cookie: maybe(anyNumber),
        pid: maybe(anyNumber),
      },
      offsets: maybe(fc.array(anyNumber, { maxLength: 4 })),
      cookies: maybe(fc.array(anyNumber, { maxLength: 4 })),
      isReturn: maybe(fc.boolean()),
    },
    { requiredKeys: ['kind'] },
  ),
  fc.record(
    {
      kind: fc.constantFrom('perf_event', 'cgroup', 'socket', 'tcx', 'xdp'),
      ...{ hz: maybe(anyNumber), pid: maybe(anyNumber), ifindex: maybe(anyNumber) },
      cpus: maybe(fc.array(anyNumber, { maxLength: 4 })),
      fd: maybe(fc.constantFrom(-1, 2 ** 31, 2 ** 32, 1.5)),
      path: maybe(fc.constantFrom('/nonexistent', '')),
      direction: maybe(fc.constantFrom('ingress', 'egress')),
    },
    { requiredKeys: ['kind'] },
  ),
  fc.constantFrom(...hostile),
);
const anyIterTarget = fc.oneof(
  fc.record(
    {
      kind: fc.constantFrom('map', 'cgroup', 'task', 'odd'),
      ...{ map: maybe(anyText), order: maybe(fc.constantFrom('self_only', 'ancestors_up')) },
      ...{ path: maybe(fc.constantFrom('/', '/nonexistent', '')), id: maybe(anyNumber) },
      ...{ pid: maybe(anyNumber), tid: maybe(anyNumber), pidfd: maybe(anyNumber) },
    },
    { requiredKeys: ['kind'] },
  ),
  fc.constantFrom(...hostile),
);
const handle = fc.constantFrom<() => unknown>(
  () => live,
  () => unloaded,
  () => closed,
  () => Object.create(live),
  () => ({}),
);
const argument = fc.oneof(
  { arbitrary: handle, weight: 1 },
  ...[
    anyBuffer,
    anyNumber,
    anyText,
    anyOptions,
    fc.constantFrom(...hostile),
    fc.anything({ withTypedArray: true, withBigInt: true }),
  ].map((arbitrary) => ({ arbitrary: arbitrary.map((value) => () => value as unknown), weight: 2 })),
);

/** What a call must be like to get beyond the first checks. */
const likely: Readonly<
  Record<Exclude<keyof Native, 'attachProgram' | 'detach'>, readonly fc.Arbitrary<() => unknown>[]>
> = (() => {
  const value = (arbitrary: fc.Arbitrary<unknown>) => arbitrary.map((each) => () => each);
  const [text, buffer, number] = [value(anyText), value(anyBuffer), value(anyNumber)];
  const path = value(
    fc.constantFrom(fixture('native.bpf.o'), fixture('rejected.bpf.o'), '/dev/null', '/', '.', ''),
  );
  return {
    open: [path, value(anyOptions)],
    load: [handle],
    attach: [handle],
    close: [
      fc.constantFrom(
        () => closed,
        () => ({}),
      ),
    ],
    map: [handle, text],
    maps: [handle],
    lookup: [handle, text, buffer],
    update: [handle, text, buffer, buffer, number],
    remove: [handle, text, buffer],
    readArray: [handle, text, buffer, number, number, number],
    readHash: [handle, text, buffer, buffer],
    deleteKeys: [handle, text, buffer, number],
    drain: [handle, text, buffer, number],
    programs: [handle],
    enableStatistics: [],
    disableStatistics: [
      fc.constantFrom<() => unknown>(
        () => -1,
        () => 'text',
        () => undefined,
        () => 2 ** 40,
        () => Number.NaN,
      ),
    ],
    openIterator: [handle, text, value(anyIterTarget)],
    readIterator: [handle, number, buffer],
    closeIterator: [handle, number],
    attachProgram: [handle, text, value(anyTarget)],
    detach: [handle, number],
    createMarker: [text],
    sendDatagram: [value(fc.constantFrom('', '/dev/null', '@', '@earshot-fuzz')), text],
    closeMarker: [
      fc.constantFrom<() => unknown>(
        () => -1,
        () => 'text',
        () => 2 ** 40,
      ),
    ],
    structLayout: [handle, text],
    enumValues: [handle, text],
    kernelStruct: [text],
    kernelMemberType: [text, text],
    pidfd: [
      fc.constantFrom<() => unknown>(
        () => 0,
        () => 'text',
        () => 2 ** 31,
      ),
    ],
    monotonic: [],
    possibleCpus: [],
    trimMemory: [],
  };
})();

/** A call succeeds, or throws an error that says what could not be done. */
function call(name: string, values: readonly unknown[]): void {
  try {
    const result = untyped[name]?.(...values);
    if (name === 'open') native.close(result as NativeObject);
    if (name === 'pidfd') closeSync(result as number);
    if (name === 'attachProgram') native.detach(values[0] as NativeObject, result as Link);
    if (name === 'openIterator') native.closeIterator(values[0] as NativeObject, result as Iterator);
    if (name === 'createMarker') native.closeMarker((result as Marker).token);
    if (name === 'enableStatistics') native.disableStatistics(result as number);
  } catch (error) {
    assert.ok(error instanceof Error, `${name} threw ${String(error)}`);
    if (error.message === 'from a trap') return;
    assert.match(error.message, /^cannot /, `${name}: ${error.stack}`);
    assert.match(
      (error as NodeJS.ErrnoException).code ?? 'no code',
      /^E[A-Z0-9]+$/,
      `${name}: ${error.stack}`,
    );
  }
}

/** Closing a live object or a descriptor of this process's own is what these functions are for. */
const harmful = new Set(['close', 'disableStatistics']);

/** These keep descriptors in an object that stays open, or let them go. */
const keeping = new Set(['load', 'attach', 'attachProgram', 'detach', 'drain']);

for (const [name, shape] of Object.entries(likely)) {
  test(`${name} with arbitrary arguments succeeds or throws an error with a reason`, () => {
    const descriptors = openDescriptors();
    const near = fc.tuple(...shape);
    const far = harmful.has(name) ? near : fc.array(argument, { maxLength: 6 });
    fc.assert(
      fc.property(fc.oneof(near, far), fc.nat({ max: 3 }), (values, times) => {
        happen(times);
        call(
          name,
          (values as readonly (() => unknown)[]).map((value) => value()),
        );
      }),
      bound,
    );
    if (!keeping.has(name)) assert.equal(openDescriptors(), descriptors);
  });
}

test('every function of the addon is fuzzed', () => {
  assert.deepEqual(Object.keys(native).sort(), Object.keys(likely).sort());
});
