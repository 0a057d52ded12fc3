import assert from 'node:assert/strict';
import { closeSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { test } from 'node:test';
import type { BtfType, NativeObject } from '../../../src/bpf/native.ts';
import {
  attachFixture,
  happen,
  mapShapes,
  native,
  openDescriptors,
  openFixture,
  readCount,
} from './fixture.ts';

const cpus = native.possibleCpus();
const u32 = (...values: readonly number[]) => new Uint8Array(Uint32Array.from(values).buffer);
const u64 = (...values: readonly bigint[]) => new Uint8Array(BigUint64Array.from(values).buffer);
const asU64 = (bytes: Uint8Array) => [...new BigUint64Array(bytes.slice().buffer)];
const sum = (values: readonly bigint[]) => values.reduce((total, value) => total + value, 0n);

const attachMaps = () => attachFixture({}, 'maps.bpf.o');

function loadMaps(): NativeObject {
  const object = openFixture({}, 'maps.bpf.o');
  native.load(object);
  return object;
}

/** All entries of a map whose values are u64, summed over CPUs, by key. */
function readSums(object: NativeObject, name: string): ReadonlyMap<number, bigint> {
  const { keySize, valueSize, maxEntries, type } = native.map(object, name);
  const stride = type.includes('percpu') ? 8 * cpus : valueSize;
  const keys = new Uint8Array(keySize * maxEntries);
  const values = new Uint8Array(stride * maxEntries);
  const count = native.readHash(object, name, keys, values);
  const result = new Map<number, bigint>();
  for (let i = 0; i < count; i++)
    result.set(
      new DataView(keys.buffer).getUint32(i * keySize, true),
      sum(asU64(values.subarray(i * stride, (i + 1) * stride))),
    );
  assert.equal(result.size, count, 'no key twice');
  return result;
}

test('maps are listed with type, size and flags', () => {
  const object = openFixture({ maxEntries: { recent: 128 } }, 'maps.bpf.o');
  const before = native.maps(object);
  const shapes = before.map((map) => [map.name, map.type, map.keySize, map.valueSize, map.maxEntries]);
  assert.deepEqual(shapes.slice(0, 11), mapShapes);
  assert.deepEqual(
    before
      .slice(11)
      .map(({ name }) => name)
      .sort(),
    ['.bss', '.rodata'],
  );
  assert.equal(before[6]?.flags, 1, 'BPF_F_NO_PREALLOC');
  assert.ok(before.every(({ bytes }) => bytes === 0));
  native.load(object);
  const after = native.maps(object);
  assert.ok(after.filter(({ type }) => type.includes('hash')).every(({ bytes }) => bytes > 0));
  assert.deepEqual(after[0], native.map(object, 'described'));
  native.close(object);
});

test('BTF of keys and values: typedefs, arrays, unions, bit fields, enums', () => {
  const object = openFixture({}, 'maps.bpf.o');
  const int = (name: string, size: number, isSigned = false) => ({
    name,
    size,
    kind: 'int',
    isSigned,
    isBoolean: false,
  });
  const { key, value } = native.map(object, 'described');
  assert.deepEqual(key, {
    name: 'unnamed_key',
    size: 8,
    kind: 'struct',
    members: [
      { name: 'first', offset: 0, type: int('unsigned int', 4) },
      {
        name: 'colour',
        offset: 4,
        type: { name: 'colour', size: 4, kind: 'enum', values: { COLOUR_RED: 1, COLOUR_BLUE: -2 } },
      },
    ],
  });
  assert.ok(value?.kind === 'struct');
  const members = Object.fromEntries(value.members.map((member) => [member.name, member]));
  assert.deepEqual(members.total?.type, int('unsigned long long', 8));
  assert.deepEqual(members.list, {
    name: 'list',
    offset: 8,
    type: { name: '', size: 12, kind: 'array', length: 3, element: int('int', 4, true) },
  });
  const either = members['']?.type;
  assert.ok(either?.kind === 'union' && members['']?.offset === 24);
  assert.deepEqual(
    either.members.map(({ name, offset, type }) => [name, offset, type.kind, type.size]),
    [
      ['either', 0, 'int', 4],
      ['or', 0, 'ptr', 8],
    ],
  );
  assert.deepEqual(members.high?.bits, { offset: 259, size: 5 });
  assert.ok(members.flag?.type.kind === 'int' && members.flag.type.isBoolean);
  assert.ok(members.inner?.type.kind === 'struct' && members.inner.type.size === 5);
  native.close(object);
});

test('a map without BTF types has none, global variables are a struct', () => {
  const object = loadMaps();
  const ring = native.map(object, 'ring');
  assert.deepEqual([ring.key, ring.value], [undefined, undefined]);
  const bss: BtfType | undefined = native.map(object, '.bss').value;
  assert.ok(bss?.kind === 'struct');
  const variables = bss.members.map(({ name, offset }) => [name, offset]);
  assert.deepEqual(variables.sort(), [
    ['dropped', 8],
    ['runs', 0],
  ]);
  native.close(object);
});

test('hash map: one key is set, found, replaced and deleted', () => {
  const object = loadMaps();
  for (const [map, key] of [
    ['recent', u32(7)],
    ['prefixes', u32(24, 0x0003020a)],
  ] as const) {
    assert.equal(native.lookup(object, map, key), undefined);
    assert.equal(native.remove(object, map, key), false);
    native.update(object, map, key, u64(5n));
    assert.deepEqual(native.lookup(object, map, key), u64(5n));
    native.update(object, map, key, u64(6n));
    assert.deepEqual(native.lookup(object, map, key), u64(6n));
    assert.equal(native.remove(object, map, key), true);
    assert.equal(native.lookup(object, map, key), undefined);
  }
  native.close(object);
});

test('update flags: BPF_NOEXIST and BPF_EXIST', () => {
  const object = loadMaps();
  assert.throws(() => native.update(object, 'recent', u32(1), u64(1n), 2), { code: 'ENOENT' });
  native.update(object, 'recent', u32(1), u64(1n), 1);
  assert.throws(() => native.update(object, 'recent', u32(1), u64(2n), 1), { code: 'EEXIST' });
  native.update(object, 'recent', u32(1), u64(3n), 2);
  assert.deepEqual(native.lookup(object, 'recent', u32(1)), u64(3n));
  native.close(object);
});

test('array map: a value at each index and none beyond', () => {
  const object = loadMaps();
  native.update(object, 'plain', u32(4), u64(44n));
  assert.equal(readCount(object, 'plain', 4), 44);
  assert.equal(native.lookup(object, 'plain', u32(5)), undefined);
  assert.throws(() => native.remove(object, 'plain', u32(4)), { code: 'EINVAL' });
  assert.deepEqual(
    [...readSums(object, 'plain')],
    [0, 1, 2, 3, 4].map((i) => [i, i === 4 ? 44n : 0n]),
  );
  native.close(object);
});

test('LPM trie: longest match wins, and all prefixes of a full trie are read', () => {
  const object = loadMaps();
  const prefixes = [
    [8, 0x0000000a],
    [16, 0x0000020a],
    [24, 0x0003020a],
    [32, 0x0403020a],
  ] as const;
  for (const [length, address] of prefixes)
    native.update(object, 'prefixes', u32(length, address), u64(BigInt(length)));
  assert.deepEqual(native.lookup(object, 'prefixes', u32(32, 0x0903020a)), u64(24n));
  assert.equal(native.lookup(object, 'prefixes', u32(32, 0x0000000b)), undefined);
  const all = [...readSums(object, 'prefixes')].sort(([a], [b]) => a - b);
  assert.deepEqual(
    all,
    prefixes.map(([length]) => [length, BigInt(length)]),
  );
  assert.equal(native.deleteKeys(object, 'prefixes', u32(8, 0x0000000a, 9, 9), 2), 1);
  assert.equal(readSums(object, 'prefixes').size, 3);
  native.close(object);
});

test('per-CPU map: a value has a place for each possible CPU, at a multiple of 8 bytes', () => {
  const object = loadMaps();
  const values = u64(...Array.from({ length: cpus }, (_, cpu) => BigInt(cpu + 1)));
  for (const map of ['recent_by_cpu', 'cells_by_cpu']) {
    native.update(object, map, u32(2), values);
    assert.deepEqual(native.lookup(object, map, u32(2)), values);
    assert.throws(() => native.update(object, map, u32(2), u64(1n, ...asU64(values))), { code: 'ERANGE' });
  }
  native.close(object);
});

test('per-CPU counts add up in each per-CPU map type', () => {
  const object = attachMaps();
  happen(48);
  const each = (keys: number, value: bigint) => Array.from({ length: keys }, (_, i) => [i, value]);
  const sorted = (name: string) => [...readSums(object, name)].sort(([a], [b]) => a - b);
  assert.deepEqual(sorted('by_cpu'), each(8, 6n), 'a full hash');
  assert.deepEqual(sorted('recent_by_cpu'), each(8, 6n));
  assert.deepEqual(sorted('cells_by_cpu'), each(3, 16n));
  assert.deepEqual(
    sorted('recent'),
    Array.from({ length: 48 }, (_, n) => [n, BigInt(2 * n)]),
  );
  assert.equal(native.deleteKeys(object, 'by_cpu', u32(0, 1, 99), 3), 2);
  assert.equal(readSums(object, 'by_cpu').size, 6);
  native.close(object);
});

test('stack traces are iterated, each an array of kernel addresses', () => {
  const object = attachMaps();
  happen(10);
  const keys = new Uint8Array(4 * 64);
  const values = new Uint8Array(128 * 64);
  const count = native.readHash(object, 'stacks', keys, values);
  assert.ok(count >= 1 && count <= 10);
  for (let i = 0; i < count; i++) {
    const stack = native.lookup(object, 'stacks', keys.slice(i * 4, i * 4 + 4));
    assert.deepEqual(stack, values.slice(i * 128, i * 128 + 128));
    assert.ok((asU64(stack ?? u64())[0] ?? 0n) >= 1n << 63n, 'an address of the kernel');
  }
  assert.equal(native.deleteKeys(object, 'stacks', keys, count), count);
  assert.equal(native.readHash(object, 'stacks', keys, values), 0);
  native.close(object);
});

test('task storage is looked up by a pidfd', () => {
  const object = attachMaps();
  happen(12);
  const fd = native.pidfd(process.pid);
  assert.equal(readCount(object, 'threads', fd), 12);
  native.update(object, 'threads', u32(fd), u64(100n));
  happen(1);
  assert.equal(readCount(object, 'threads', fd), 101);
  assert.equal(native.remove(object, 'threads', u32(fd)), true);
  assert.equal(native.lookup(object, 'threads', u32(fd)), undefined);
  closeSync(fd);
  assert.throws(() => native.lookup(object, 'threads', u32(fd)), { code: 'EBADF' });
  native.close(object);
});

/** Node.js has no public name for it. */
const descriptorOf = (server: Server) => (server as unknown as { _handle: { fd: number } })._handle.fd;

test("socket storage is looked up by the socket's descriptor", async () => {
  const object = loadMaps();
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const key = u32(descriptorOf(server));
  assert.equal(native.lookup(object, 'sockets', key), undefined);
  native.update(object, 'sockets', key, u64(77n));
  assert.deepEqual(native.lookup(object, 'sockets', key), u64(77n));
  assert.equal(native.remove(object, 'sockets', key), true);
  assert.equal(native.lookup(object, 'sockets', key), undefined);
  server.close();
  native.close(object);
});

test('a shared map outlives the object it comes from', () => {
  const descriptors = openDescriptors();
  const first = loadMaps();
  native.update(first, 'by_cpu', u32(0), u64(...Array<bigint>(cpus).fill(0n)));
  native.update(first, 'recent', u32(1000), u64(1n));
  const second = attachFixture({ reuse: { recent: first, by_cpu: first } }, 'maps.bpf.o');
  const namesOf = (object: NativeObject) => native.maps(object).map(({ name }) => name);
  assert.deepEqual(namesOf(second), namesOf(first));
  happen(8);
  assert.equal(readSums(first, 'recent').size, 9);
  assert.equal(readSums(first, 'by_cpu').get(0), 1n);
  assert.equal(readSums(first, 'recent_by_cpu').size, 0, 'not shared');
  native.close(first);
  assert.equal(readSums(second, 'recent').get(1000), 1n);
  native.close(second);
  assert.equal(openDescriptors(), descriptors);
});

test('a map of another type or size is not shared', () => {
  const other = loadMaps();
  const descriptors = openDescriptors();
  assert.throws(() => openFixture({ reuse: { squares: other } }), { code: 'ENOENT' });
  const smaller = attachFixture();
  assert.throws(() => openFixture({ reuse: { '.bss': smaller } }, 'maps.bpf.o'), {
    code: 'EINVAL',
    message: 'cannot open .bss: the maps differ in type or size',
  });
  native.close(smaller);
  assert.equal(openDescriptors(), descriptors);
  native.close(other);
});
