import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BpfSpec } from '../../../src/bpf/bpf.ts';
import { createBpfHost } from '../../../src/bpf/host.ts';
import type { Native } from '../../../src/bpf/native.ts';
import { UnsupportedError } from '../../../src/bpf/unsupported-error.ts';
import { fakeNative } from './fake-native.ts';

const able = { platform: 'linux', hasBtf: true, capabilities: 1n << 21n, lockdown: '' };
const spec: BpfSpec = { object: 'scheduler', purpose: 'attach to the scheduler' };

function hostWith(answers: Partial<Native> = {}, support = able) {
  const { native, calls } = fakeNative(answers);
  let loads = 0;
  const load = () => {
    loads++;
    return native;
  };
  return {
    host: createBpfHost({ load, support: () => support, possible: () => '0-1,4\n' }),
    calls,
    loads: () => loads,
  };
}

const refused = (code: string) => () => {
  throw Object.assign(new Error(`cannot load it: ${code}`), { code });
};

test('the addon is loaded at its first use, once', () => {
  const { host, loads } = hostWith();
  assert.equal(loads(), 0);
  assert.deepEqual([host.monotonic(), host.cpuRows(), host.kernelStruct('rq')], [5n, 5, undefined]);
  assert.equal(loads(), 1);
});

test('an unsupported machine is refused with all missing requirements, and nothing is loaded', () => {
  const { host, loads } = hostWith({}, { ...able, capabilities: 0n, hasBtf: false });
  assert.equal(host.missing({}).length, 2);
  assert.throws(
    () => host.open(spec),
    (error) => error instanceof UnsupportedError && error.missing.length === 2,
  );
  assert.equal(loads(), 0);
});

test('a kernel that misses a need of the object is refused before opening', () => {
  const { host, calls } = hostWith({ kernelStruct: (name) => (name === 'rq' ? ['clock'] : undefined) });
  const needs = { kernel: [{ struct: 'rq', member: 'clock', remedy: '' }] };
  assert.deepEqual(host.missing(needs), []);
  const more = { kernel: [...needs.kernel, { struct: 'bpf_link', remedy: '5.7 or later' }] };
  assert.throws(() => host.open({ ...spec, needs: more, lock: 'earshot' }), {
    message: 'cannot attach to the scheduler: the kernel has no struct bpf_link (needs 5.7 or later)',
  });
  assert.deepEqual(calls, []);
});

test('an object is opened by its name and loaded with the settings of its spec', () => {
  const options: unknown[] = [];
  const { native } = fakeNative();
  const { host } = hostWith({
    open(path, given) {
      options.push(given);
      return native.open(path, given);
    },
  });
  const first = host.open(spec);
  host.open({
    ...{ ...spec, constants: { slots: 2 }, maxEntries: { cells: 6 }, without: ['on_migrate'] },
    ...{ programs: { on_multi: { type: 'kprobe' } }, reuse: { cells: first.map('cells') } },
  });
  const { reuse, ...rest } = options[1] as { reuse: object };
  assert.deepEqual(rest, {
    ...{ rodata: { slots: 2 }, maxEntries: { cells: 6 }, without: ['on_migrate'] },
    programs: { on_multi: { type: 'kprobe' } },
  });
  assert.deepEqual(Object.keys(reuse), ['cells']);
});

test('a map of no open object is not reused', () => {
  const { host } = hostWith();
  const stranger = { ...host.open(spec).map('cells') };
  assert.throws(() => host.open({ ...spec, reuse: { cells: stranger } }), {
    message: 'cannot reuse the map cells: no open object has it',
  });
});

test('a refused object is closed, and the error names the operation', () => {
  const { host, calls } = hostWith({ load: refused('EPERM') });
  assert.throws(() => host.open(spec), {
    code: 'UNSUPPORTED',
    message: 'cannot attach to the scheduler: the kernel refused the BPF programs (cannot load it: EPERM)',
  });
  assert.deepEqual(calls, ['open scheduler', 'close scheduler']);
});

test('objects of one process share a lock until the last of them is closed', () => {
  const { host, calls } = hostWith();
  const [first, second] = [1, 2].map(() => host.open({ ...spec, lock: 'earshot' }));
  first?.close();
  first?.close();
  assert.equal(calls.filter((call) => call === 'mark earshot').length, 1);
  assert.ok(!calls.includes('unmark'));
  second?.close();
  assert.equal(calls.at(-1), 'unmark');
  host.open({ ...spec, lock: 'earshot' });
  assert.equal(calls.filter((call) => call === 'mark earshot').length, 2);
});

test('an object that fails to open releases its lock', () => {
  let loads = 0;
  const { host, calls } = hostWith({
    load: () => {
      if (++loads === 2) refused('ENOMEM')();
    },
  });
  assert.throws(() => host.open({ ...spec, lock: 'earshot' }), { code: 'ENOMEM' });
  assert.equal(calls.at(-1), 'unmark');
});
