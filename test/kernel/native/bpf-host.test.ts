import assert from 'node:assert/strict';
import { closeSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { arch } from 'node:process';
import { afterEach, test } from 'node:test';
import type { BpfMap, BpfObject, BpfSpec } from '../../../src/bpf/bpf.ts';
import { createBpfHost } from '../../../src/bpf/host.ts';
import { required } from '../../../src/bpf/layout.ts';
import { RecordRing, textAt } from '../../../src/bpf/records.ts';
import { readBigint } from '../../../src/bpf/u64.ts';
import { happen, mapShapes, native, openDescriptors } from './fixture.ts';

const host = createBpfHost({ load: () => native });
const cpus = native.possibleCpus();
const u32 = (...values: readonly number[]) => new Uint8Array(Uint32Array.from(values).buffer);
const u64 = (...values: readonly bigint[]) => new Uint8Array(BigUint64Array.from(values).buffer);
const asU64 = (bytes: Uint8Array | undefined) => [...new BigUint64Array((bytes ?? u64()).slice().buffer)];
const sum = (values: readonly bigint[]) => values.reduce((total, value) => total + value, 0n);

const getppid: Partial<Record<string, number>> = { x64: 110, arm64: 173 };
const counting = { target: process.pid, syscall: getppid[arch] ?? 0 };

const opened: BpfObject[] = [];
afterEach(() => {
  for (const object of opened.splice(0)) object.close();
});

/** An object of `test/kernel/fixtures`, closed after the test. */
function open(name: string, spec: Partial<BpfSpec> = {}): BpfObject {
  const object = host.open({ object: `test/${name}`, purpose: 'test', constants: counting, ...spec });
  opened.push(object);
  return object;
}

function attach(name: string, spec: Partial<BpfSpec> = {}): BpfObject {
  const object = open(name, spec);
  object.attach();
  return object;
}

/** All entries of a map of u64, summed over CPUs, by key. */
function sumsOf(map: BpfMap): ReadonlyMap<number, bigint> {
  const stride = map.type.includes('percpu') ? 8 * cpus : map.valueSize;
  const keys = new Uint8Array(map.keySize * map.maxEntries);
  const values = new Uint8Array(stride * map.maxEntries);
  const count = map.entries(keys, values);
  const view = new DataView(keys.buffer);
  return new Map(
    Array.from({ length: count }, (_, i) => [
      view.getUint32(i * map.keySize, true),
      sum(asU64(values.subarray(i * stride, (i + 1) * stride))),
    ]),
  );
}

test('maps of all types are listed with sizes and the BTF of key and value', () => {
  const object = open('maps', { maxEntries: { recent: 128 } });
  const shapes = object.maps
    .filter(({ name }) => !name.startsWith('.'))
    .map(({ name, type, keySize, valueSize, maxEntries }) => [name, type, keySize, valueSize, maxEntries]);
  assert.deepEqual(shapes, mapShapes);
  const { key, value } = object.map('described');
  assert.equal(key?.kind, 'struct');
  assert.ok(value?.kind === 'struct' && value.members.some(({ name }) => name === 'total'));
});

for (const [name, key] of [
  ['described', u32(7, 1)],
  ['recent', u32(7)],
  ['prefixes', u32(24, 0x0003020a)],
] as const)
  test(`map ${name}: one key is set, read, replaced and deleted`, () => {
    const map = open('maps').map(name);
    const value = (byte: number) => new Uint8Array(map.valueSize).fill(byte);
    assert.equal(map.get(key), undefined);
    for (const byte of [5, 6]) {
      map.set(key, value(byte));
      assert.deepEqual(map.get(key), value(byte));
    }
    assert.equal(map.delete(key), 1);
    assert.equal(map.delete(key), 0);
    assert.equal(map.get(key), undefined);
  });

test('counts of programs add up in hash, array and LRU maps, per CPU or shared', () => {
  const object = attach('maps');
  happen(48);
  const sorted = (name: string) => [...sumsOf(object.map(name))].sort(([a], [b]) => a - b);
  const each = (keys: number, value: bigint) => Array.from({ length: keys }, (_, i) => [i, value]);
  assert.deepEqual(sorted('by_cpu'), each(8, 6n));
  assert.deepEqual(sorted('recent_by_cpu'), each(8, 6n));
  assert.deepEqual(sorted('cells_by_cpu'), each(3, 16n));
  assert.equal(sumsOf(object.map('recent')).size, 48);
  assert.equal(object.map('by_cpu').delete(u32(0, 1, 99)), 2);
  object.map('plain').set(u32(4), u64(44n));
  assert.deepEqual(sorted('plain').at(-1), [4, 44n]);
});

test('stack traces are read by their id', () => {
  const object = attach('maps');
  happen(10);
  const stacks = object.map('stacks');
  const keys = new Uint8Array(4 * 64);
  assert.ok(stacks.entries(keys, new Uint8Array(128 * 64)) >= 1);
  assert.ok((asU64(stacks.get(keys.slice(0, 4)))[0] ?? 0n) >= 1n << 63n, 'an address of the kernel');
});

test('task and socket storage is looked up by a descriptor', async () => {
  const object = attach('maps');
  happen(12);
  const threads = object.map('threads');
  const fd = host.pidfd(process.pid);
  assert.deepEqual(asU64(threads.get(u32(fd))), [12n]);
  assert.equal(threads.delete(u32(fd)), 1);
  assert.equal(threads.get(u32(fd)), undefined);
  closeSync(fd);
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const socket = u32((server as Server & { _handle: { fd: number } })._handle.fd);
  object.map('sockets').set(socket, u64(77n));
  assert.deepEqual(asU64(object.map('sockets').get(socket)), [77n]);
  server.close();
});

test('a mapped array is copied whole', () => {
  const object = attach('native');
  happen(4);
  const { size, number, twice } = object.layout('odd', ['number', 'twice']);
  const cells = object.map('cells');
  const stride = Math.ceil(size / 8) * 8;
  const words = new Uint32Array((stride * cells.maxEntries) / 4);
  assert.equal(cells.copy(new Uint8Array(words.buffer)), words.byteLength);
  const at = (i: number, member: number) => words[(i * stride + member) >> 2];
  for (let i = 0; i < 4; i++) assert.deepEqual([at(i, number), at(i, twice)], [i, 2 * i]);
});

test('a map is shared by a second object, also after the first one is closed', () => {
  const first = open('maps');
  first.map('recent').set(u32(1000), u64(1n));
  const second = attach('maps', { reuse: { recent: first.map('recent') } });
  happen(8);
  assert.equal(sumsOf(first.map('recent')).size, 9);
  first.close();
  assert.equal(sumsOf(second.map('recent')).size, 9);
});

test('ring records are decoded by type, in order; records that do not fit are a loss with a reason', () => {
  const object = attach('host');
  const types = object.names('record_type', 'RECORD_');
  const even = object.layout('even_record', ['record', 'number']);
  const odd = object.layout('odd_record', ['text']);
  const header = object.layout('record', ['type', 'bytes']);
  const seen: (bigint | string)[] = [];
  const ring = new RecordRing(object.map('events'), {
    header,
    decoders: {
      [required(types, 'even')]: {
        size: even.size,
        decode: ({ words, at }) => void seen.push(readBigint(words, at + even.number)),
      },
      [required(types, 'odd')]: {
        size: odd.size,
        decode: (record) => void seen.push(textAt(record, odd.text, 5)),
      },
    },
    malformed: (bytes) => assert.fail(`${bytes} malformed bytes`),
  });
  happen(12);
  ring.drain();
  assert.deepEqual(seen, [0n, 'odd', 'odd', 4n, 6n, 'odd', 'odd', 10n]);
  assert.deepEqual(object.losses(), { ring_full: 0, never: 0, third: 4 });
  happen(1200);
  ring.drain();
  const { ring_full: lost = 0, third } = object.losses();
  assert.equal(third, 404);
  assert.ok(lost > 0);
  assert.equal(seen.length + lost + 404, 1212, 'received, lost, or left out');
});

test('one program is attached, and detach is idempotent', () => {
  const object = open('native');
  const isAttached = () => object.programs.filter((of) => of.isAttached).map(({ name }) => name);
  assert.deepEqual(isAttached(), []);
  const link = object.attach('on_return');
  assert.deepEqual(isAttached(), ['on_return']);
  link.detach();
  link.detach();
  assert.deepEqual(isAttached(), []);
  object.attach();
  assert.deepEqual(isAttached(), ['on_syscall', 'on_return']);
});

test('a target overrides the section of a program', () => {
  const programs = {
    on_multi: { type: 'kprobe', attachType: 'trace_uprobe_multi' },
    on_session: { type: 'kprobe', attachType: 'trace_uprobe_session' },
  };
  const object = open('links', { programs });
  const link = object.attach('on_named_raw_tp', { kind: 'raw_tracepoint', name: 'sys_enter' });
  assert.ok(object.programs.some((of) => of.name === 'on_named_raw_tp' && of.isAttached));
  link.detach();
  assert.throws(() => object.attach('on_named_raw_tp', { kind: 'raw_tracepoint', name: 'sys_enters' }), {
    program: 'on_named_raw_tp',
  });
});

test('an iterator walks all, one process, one thread or the entries of a map', () => {
  const object = open('iterators', { constants: {} });
  const walk = (program: string, of?: Parameters<BpfObject['iterate']>[2]) => {
    const into = new Uint8Array(65536);
    return asU64(into.subarray(0, object.iterate(program, into, of)));
  };
  const threads = readdirSync('/proc/self/task').map(BigInt);
  const inOrder = (ids: readonly bigint[]) => [...ids].sort((a, b) => Number(a - b));
  assert.deepEqual(inOrder(walk('tasks', { kind: 'task', pid: process.pid })), inOrder(threads));
  assert.deepEqual(walk('tasks', { kind: 'task', tid: process.pid }), [BigInt(process.pid)]);
  assert.ok(walk('tasks').length > threads.length);
  object.map('numbers').set(u32(3), u64(9n));
  assert.deepEqual(walk('elements', { kind: 'map', map: 'numbers' }), [3n, 9n]);
});

test('the cost of each program is its runs and their time between begin and end', () => {
  const object = attach('native');
  happen(100);
  const measurement = object.measureCost();
  happen(1000);
  const { programs, elapsed } = measurement.end();
  happen(100);
  const cost = programs.find(({ name }) => name === 'on_syscall');
  assert.ok(cost && cost.runs >= 1000, 'system calls of other processes run it too');
  assert.ok(cost.runTime > 0 && cost.runTime < elapsed * cpus);
});

test('memory is the sum of memlock in fdinfo over all maps', () => {
  const before = new Set(mapsOfThisProcess().keys());
  const object = open('maps');
  const charged = [...mapsOfThisProcess()].filter(([id]) => !before.has(id));
  assert.equal(charged.length, object.maps.length);
  assert.equal(
    object.memory,
    charged.reduce((total, [, bytes]) => total + bytes, 0),
  );
  assert.ok(object.memory > 65536);
});

/** Bytes charged, by id. */
function mapsOfThisProcess(): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const fd of readdirSync('/proc/self/fdinfo')) {
    let text: string;
    try {
      text = readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8');
    } catch {
      continue; // the descriptor of the directory itself
    }
    const id = /^map_id:\s*(\d+)$/m.exec(text)?.[1];
    if (id !== undefined) found.set(id, Number(/^memlock:\s*(\d+)$/m.exec(text)?.[1]));
  }
  return found;
}

test('a refused object leaks no descriptor and no lock', () => {
  const descriptors = openDescriptors();
  const lock = `t${(process.pid % 36 ** 4).toString(36).padStart(4, '0')}`;
  assert.throws(() => open('rejected', { constants: {}, lock }), /cannot/);
  assert.equal(openDescriptors(), descriptors);
  const first = open('native', { lock });
  open('native', { lock }).close();
  first.close();
  assert.equal(openDescriptors(), descriptors);
});

test('needs: present kernel features are not missing, absent ones have a remedy', () => {
  const kernel = [
    { struct: 'task_struct', member: 'pid', remedy: 'Linux' },
    { struct: 'task_struct', member: 'no_such_member', remedy: 'another kernel' },
  ];
  assert.deepEqual(host.missing({ capabilities: ['bpf'], kernel: kernel.slice(0, 1) }), []);
  assert.deepEqual(host.missing({ kernel }), [
    'the kernel has no task_struct.no_such_member (needs another kernel)',
  ]);
  assert.throws(() => open('native', { needs: { kernel } }), { code: 'UNSUPPORTED' });
});
