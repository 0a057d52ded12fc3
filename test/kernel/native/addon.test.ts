import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { setImmediate as afterFinalisers } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { attachFixture, fixture, happen, native, openDescriptors, openFixture } from './fixture.ts';

test('array map: copied whole, each element at a multiple of 8 bytes', () => {
  const object = attachFixture();
  happen(6);
  const into = new Uint8Array(64);
  assert.equal(native.readArray(object, 'cells', into), 64);
  const words = new Uint32Array(into.buffer);
  const rows = [0, 1, 2, 3].map((i) => [...words.subarray(i * 4, i * 4 + 3)]);
  assert.deepEqual(rows, [
    [4, 8, 12],
    [5, 10, 15],
    [2, 4, 6],
    [3, 6, 9],
  ]);
  happen(1);
  native.readArray(object, 'cells', into);
  assert.equal(words[8], 6, 'a second read sees what happened since');
  native.close(object);
});

test('columns of an array map are copied densely, row by row', () => {
  const object = attachFixture();
  happen(6);
  const into = new Uint8Array(32);
  assert.equal(native.readArray(object, 'cells', into, 1, 1, 2), 32);
  const words = new Uint32Array(into.buffer);
  assert.deepEqual(
    [0, 1].map((i) => [...words.subarray(i * 4, i * 4 + 3)]),
    [
      [5, 10, 15],
      [3, 6, 9],
    ],
  );
  native.close(object);
});

test('copy into an odd offset leaves the surrounding bytes unchanged', () => {
  const object = attachFixture();
  happen(2);
  const whole = new Uint8Array(70).fill(0xee);
  native.readArray(object, 'cells', whole.subarray(3, 67));
  assert.deepEqual([...whole.subarray(0, 3)], [0xee, 0xee, 0xee]);
  assert.deepEqual([...whole.subarray(67)], [0xee, 0xee, 0xee]);
  assert.equal(new DataView(whole.buffer).getUint32(3 + 16, true), 1);
  native.close(object);
});

test('global variables are read from the map .bss', () => {
  const object = attachFixture();
  happen(5);
  const into = new Uint8Array(4096);
  native.readArray(object, '.bss', into);
  assert.equal(new DataView(into.buffer).getBigUint64(0, true), 5n);
  native.close(object);
});

function readSquares(object: ReturnType<typeof attachFixture>): Map<number, bigint> {
  const keys = new Uint32Array(64);
  const values = new BigUint64Array(64);
  const count = native.readHash(
    object,
    'squares',
    new Uint8Array(keys.buffer),
    new Uint8Array(values.buffer),
  );
  const entries = Array.from({ length: count }, (_, i) => [keys[i] ?? -1, values[i] ?? -1n] as const);
  assert.equal(new Set(entries.map(([key]) => key)).size, count, 'no key twice');
  return new Map(entries);
}

test('hash map: all entries are read, also of a full map, and keys are deleted', () => {
  const object = attachFixture();
  assert.equal(readSquares(object).size, 0);
  happen(64);
  const squares = readSquares(object);
  assert.deepEqual(
    [...squares].sort(([a], [b]) => a - b),
    Array.from({ length: 64 }, (_, n) => [n, BigInt(n * n)]),
  );
  const some = new Uint8Array(Uint32Array.of(3, 7, 1000).buffer);
  assert.equal(native.deleteKeys(object, 'squares', some, 3), 2, 'an absent key is not counted');
  assert.equal(readSquares(object).size, 62);
  native.close(object);
});

test('hash map: entries are read without batch operations', () => {
  const child = spawnSync(
    process.execPath,
    [fileURLToPath(import.meta.resolve('../fixtures/read-squares.ts'))],
    {
      env: { ...process.env, LD_PRELOAD: `${process.env.LD_PRELOAD ?? ''}:${fixture('no-batch.so')}` },
      encoding: 'utf8',
    },
  );
  assert.equal(child.stdout, '64 64 85344\n', child.stderr);
});

function drainOnce(object: ReturnType<typeof attachFixture>, into: Uint32Array): number[] {
  const used = native.drain(object, 'records', new Uint8Array(into.buffer), 24);
  assert.equal(used % 24, 0, 'records of 20 and 24 bytes take 24 each');
  return Array.from({ length: used / 24 }, (_, i) => into[i * 6] ?? -1);
}

test('ring: drained in order and without loss through a buffer smaller than its content', () => {
  const object = attachFixture();
  happen(50);
  const into = new Uint32Array(30).fill(0xffffffff);
  const seen: number[] = [];
  const calls: number[] = [];
  for (let records = drainOnce(object, into); records.length > 0; records = drainOnce(object, into)) {
    seen.push(...records);
    calls.push(records.length);
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 50 }, (_, n) => n),
  );
  assert.deepEqual(calls, Array(10).fill(5));
  happen(2);
  into.fill(0xffffffff);
  assert.deepEqual(drainOnce(object, into), [50, 51], 'records that come later are found');
  assert.deepEqual([...into.subarray(6, 12)], [51, 51, 51, 51, 51, 0], 'the padding is zero');
  native.close(object);
});

test('ring: a record above the announced size is an error, later records stay readable', () => {
  const object = attachFixture();
  happen(3);
  const into = new Uint8Array(96);
  assert.throws(() => native.drain(object, 'records', into, 20), {
    code: 'EMSGSIZE',
    message: 'cannot drain records: a record of 24 bytes is larger than the largest one (20)',
  });
  assert.equal(native.drain(object, 'records', into, 24), 48);
  native.close(object);
});

test('constants keep their width and sign', () => {
  const object = attachFixture({
    rodata: { step: -5n, wide: 2n ** 64n - 1n, negative: -2147483648, small: 65535, flag: 1 },
  });
  happen(1);
  const into = new Uint8Array(32);
  native.readArray(object, 'seen', into);
  const seen = new DataView(into.buffer);
  const { members } = native.structLayout(object, 'constants');
  const at = (name: string) => members[name]?.offset ?? -1;
  assert.equal(seen.getBigInt64(at('step'), true), -5n);
  assert.equal(seen.getBigUint64(at('wide'), true), 2n ** 64n - 1n);
  assert.equal(seen.getInt32(at('negative'), true), -2147483648);
  assert.equal(seen.getUint16(at('small'), true), 65535);
  assert.equal(seen.getUint8(at('flag')), 1);
  native.close(object);
});

test('load settings: map sizes are applied, excluded programs are not loaded', () => {
  const object = openFixture({ maxEntries: { squares: 128 }, without: ['on_return'] });
  const before = native.map(object, 'squares');
  const { keySize, valueSize, maxEntries, bytes } = before;
  assert.deepEqual(
    { keySize, valueSize, maxEntries, bytes },
    { keySize: 4, valueSize: 8, maxEntries: 128, bytes: 0 },
  );
  assert.deepEqual(native.programs(object), [], 'nothing is loaded yet');
  native.load(object);
  assert.ok(native.map(object, 'squares').bytes >= 128 * 12);
  assert.deepEqual(
    native.programs(object).map(({ name, attached }) => ({ name, attached })),
    [{ name: 'on_syscall', attached: false }],
  );
  native.attach(object);
  assert.deepEqual(
    native.programs(object).map(({ attached }) => attached),
    [true],
  );
  native.close(object);
});

test('run statistics count each run while enabled', () => {
  const object = attachFixture({ without: ['on_return'] });
  const token = native.enableStatistics();
  happen(100);
  native.disableStatistics(token);
  const [program] = native.programs(object);
  assert.ok(
    program && program.runCount >= 100n && program.runTimeNs > 0n && program.verifiedInstructions > 0,
  );
  assert.throws(() => native.disableStatistics(token), { code: 'EBADF' });
  native.close(object);
});

test("verified instructions equal the kernel's count, also when parsed from the log", () => {
  const [inInfo, inLog] = [{}, { verifierStatistics: true }].map((options) => {
    const object = attachFixture(options);
    const counts = native.programs(object).map((program) => program.verifiedInstructions);
    native.close(object);
    return counts;
  });
  assert.deepEqual(inLog, inInfo);
  assert.ok(inLog?.every((count) => count > 0));
});

test('BTF layouts cover arrays, typedefs, qualifiers and anonymous members', () => {
  const object = openFixture();
  assert.deepEqual(native.structLayout(object, 'layout'), {
    size: 56,
    members: {
      first: { offset: 0, size: 1, length: 1 },
      aligned: { offset: 8, size: 8, length: 1 },
      typed: { offset: 16, size: 2, length: 1 },
      row: { offset: 20, size: 20, length: 5 },
      either: { offset: 40, size: 8, length: 1 },
      or: { offset: 40, size: 8, length: 2 },
      named: { offset: 48, size: 6, length: 3 },
    },
  });
  assert.deepEqual(native.enumValues(object, 'shape'), {
    SHAPE_SMALL: 20,
    SHAPE_LARGE: 24,
    SHAPE_NEGATIVE: -3,
  });
  native.close(object);
});

test('kernel BTF: members are found, a missing struct is undefined', () => {
  assert.ok(native.kernelStruct('task_struct')?.includes('sched_info'));
  assert.equal(native.kernelStruct('earshot_has_no_such_struct'), undefined);
  assert.equal(native.kernelMemberType('spinlock_t', 'lock'), undefined);
  assert.match(native.kernelMemberType('bpf_ringbuf', 'spinlock') ?? '', /^(raw_|rq)?spinlock_t$/);
});

test('the monotonic clock equals process.hrtime', () => {
  const before = process.hrtime.bigint();
  const now = native.monotonic();
  assert.ok(before <= now && now <= process.hrtime.bigint());
});

const programExists = (id: number) => spawnSync('bpftool', ['prog', 'show', 'id', String(id)]).status === 0;

/** The kernel frees a program some grace periods after its last descriptor. */
async function isGone(id: number): Promise<boolean> {
  for (let tries = 0; tries < 200; tries++) {
    if (!programExists(id)) return true;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return false;
}

test('100 cycles of open, load, attach and close leak no descriptor and no program', async () => {
  native.close(attachFixture());
  const before = openDescriptors();
  const ids: number[] = [];
  for (let i = 0; i < 100; i++) {
    const object = attachFixture();
    happen(1);
    native.readArray(object, 'cells', new Uint8Array(64));
    native.drain(object, 'records', new Uint8Array(64), 24);
    ids.push(...native.programs(object).map(({ id }) => id));
    if (i === 0) assert.ok(ids.length === 2 && ids.every(programExists), 'the programs are there while open');
    native.close(object);
  }
  assert.equal(openDescriptors(), before);
  for (const id of [...ids.slice(0, 2), ...ids.slice(-2)])
    assert.ok(await isGone(id), `program ${id} is gone`);
});

test('an unreferenced object is closed by the garbage collector', async () => {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  const before = openDescriptors();
  (() => attachFixture())();
  assert.ok(openDescriptors() > before);
  for (let i = 0; i < 10 && openDescriptors() > before; i++) {
    collect();
    await afterFinalisers();
  }
  assert.equal(openDescriptors(), before);
});
