import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, readdirSync, rmdirSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { after, before, test } from 'node:test';
import { iterate as iterateAll, iterateInSteps } from '../../../src/bpf/iterator.ts';
import type { IterTarget, NativeObject } from '../../../src/bpf/native.ts';
import { fixture, native, openDescriptors } from './fixture.ts';

let object: NativeObject;
before(() => {
  object = native.open(fixture('iterators.bpf.o'), {});
  native.load(object);
});
after(() => native.close(object));

const u32 = (value: number) => new Uint8Array(Uint32Array.of(value).buffer);
const u64 = (value: bigint) => new Uint8Array(BigUint64Array.of(value).buffer);

/** What the program writes: u64 each. */
function iterate(program: string, of?: IterTarget): readonly bigint[] {
  const descriptors = openDescriptors();
  const into = new Uint8Array(65536);
  const used = iterateAll(native, object, { program, into, of });
  assert.equal(openDescriptors(), descriptors);
  return [...new BigUint64Array(into.buffer, 0, used / 8)];
}

test('iterator: elements of a map', () => {
  for (let i = 0; i < 10; i++) native.update(object, 'numbers', u32(i), u64(BigInt(i * i)));
  const seen = iterate('elements', { kind: 'map', map: 'numbers' });
  const pairs = Array.from({ length: seen.length / 2 }, (_, i) => [seen[2 * i], seen[2 * i + 1]]);
  assert.deepEqual(
    pairs.sort(([a = 0n], [b = 0n]) => Number(a - b)),
    Array.from({ length: 10 }, (_, i) => [BigInt(i), BigInt(i * i)]),
  );
});

const descriptorOf = (server: Server) => (server as unknown as { _handle: { fd: number } })._handle.fd;

test('iterator: sockets with storage', async () => {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  native.update(object, 'sockets', u32(descriptorOf(server)), u64(4711n));
  assert.deepEqual(iterate('storages', { kind: 'map', map: 'sockets' }), [4711n]);
  await new Promise((closed) => server.close(closed));
});

test('iterator: tasks of a process, or one task', () => {
  const threads = readdirSync('/proc/self/task').map(BigInt);
  assert.ok(threads.length > 1);
  const inOrder = (ids: readonly bigint[]) => [...ids].sort((a, b) => Number(a - b));
  assert.deepEqual(inOrder(iterate('tasks', { kind: 'task', pid: process.pid })), inOrder(threads));
  const pidfd = native.pidfd(process.pid);
  assert.deepEqual(inOrder(iterate('tasks', { kind: 'task', pidfd })), inOrder(threads));
  closeSync(pidfd);
  const [, second = 0n] = inOrder(threads);
  assert.deepEqual(iterate('tasks', { kind: 'task', tid: Number(second) }), [second]);
  assert.deepEqual(
    iterate('tasks', { kind: 'task', pid: 2 ** 31 - 1 }),
    [],
    'of a process that is not there',
  );
  assert.ok(iterate('tasks').length > threads.length, 'all of them');
});

test('iterator: a cgroup, its descendants and its ancestors, in order', (context) => {
  const root = existsSync('/sys/fs/cgroup/unified') ? '/sys/fs/cgroup/unified' : '/sys/fs/cgroup';
  const top = `${root}/earshot-iterators-${process.pid}`;
  const paths = [top, `${top}/a`, `${top}/a/b`];
  for (const path of paths) mkdirSync(path);
  context.after(() => paths.reverse().forEach((path) => void rmdirSync(path)));
  const [id, a, b] = paths.map((path) => statSync(path, { bigint: true }).ino);
  const of = (path: string, order: 'self_only' | 'descendants_pre' | 'descendants_post' | 'ancestors_up') =>
    iterate('cgroups', { kind: 'cgroup', path, order });
  assert.deepEqual(of(top, 'self_only'), [id]);
  assert.deepEqual(of(top, 'descendants_pre'), [id, a, b]);
  assert.deepEqual(of(top, 'descendants_post'), [b, a, id]);
  assert.deepEqual(of(`${top}/a/b`, 'ancestors_up').slice(0, 3), [b, a, id]);
  assert.deepEqual(iterate('cgroups', { kind: 'cgroup', id: a ?? 0n, order: 'descendants_pre' }), [a, b]);
});

test('iterator: an impossible target is refused and its property named, and no descriptor stays open', () => {
  const descriptors = openDescriptors();
  const untyped = native.openIterator as (...values: readonly unknown[]) => number;
  for (const [program, of, expected] of [
    ['elements', { kind: 'map', map: 'absent' }, { code: 'ENOENT' }],
    ['elements', undefined, { feature: 'iterator', program: 'elements' }],
    ['elements', { kind: 'map', map: 'sockets' }, { feature: 'iterator' }],
    ['cgroups', { kind: 'cgroup', path: '/nonexistent', order: 'self_only' }, { code: 'ENOENT' }],
    ['cgroups', { kind: 'cgroup', path: '/proc', order: 'self_only' }, { feature: 'iterator_of_cgroup' }],
    ['cgroups', { kind: 'cgroup', path: '/proc', order: 'odd' }, { message: /odd: no such order/ }],
    ['cgroups', { kind: 'cgroup', path: '/proc', tid: 1 }, { message: /tid: no such property/ }],
    ['cgroups', { kind: 'odd', path: '/proc' }, { message: /no such property/ }],
    ['tasks', { kind: 'task', pidfd: 100_000 }, { code: 'EBADF', minimumKernel: '6.1' }],
    ['tasks', { kind: 'task', pid: '1' }, { message: /pid: must be a number/ }],
    ['tasks', 'text', { message: /must be an object/ }],
  ] as const)
    assert.throws(() => untyped(object, program, of), expected, `${program} ${JSON.stringify(of)}`);
  assert.equal(openDescriptors(), descriptors);
});

/** Reads of one u64 each. */
function* pids(): Generator<number> {
  const into = new Uint8Array(8);
  for (const used of iterateInSteps(native, object, { program: 'tasks', into })) {
    assert.equal(used, 8);
    yield Number(new BigUint64Array(into.buffer)[0]);
  }
}

test('iterator: a read runs the program until the destination is full, and the next one goes on', () => {
  const statistics = native.enableStatistics();
  const runs = () => native.programs(object).find(({ name }) => name === 'tasks')?.runCount;
  const begin = runs() ?? 0n;
  const into = new Uint8Array(8 * 3);
  const steps = iterateInSteps(native, object, { program: 'tasks', into });
  for (const expected of [3n, 6n, 9n]) {
    assert.equal(steps.next().value, into.length);
    assert.equal((runs() ?? 0n) - begin, expected);
  }
  steps.return();
  native.disableStatistics(statistics);
});

test('iterator: no task is visited twice, and one that ends or begins between two reads not at all or once', async (context) => {
  const sleeper = () => {
    const child = spawn('sleep', ['100']);
    context.after(() => child.kill());
    return child;
  };
  const children = [sleeper(), sleeper(), sleeper()].sort((a, b) => (a.pid ?? 0) - (b.pid ?? 0));
  const [first = 0, second = 0, third = 0] = children.map(({ pid }) => pid);
  const steps = pids();
  const seen: number[] = [];
  while (seen.at(-1) !== first) seen.push(steps.next().value ?? assert.fail('the first is not visited'));
  children[1]?.kill();
  await once(children[1] ?? assert.fail(), 'exit');
  const late = sleeper().pid ?? 0;
  seen.push(...steps);
  assert.ok(!seen.includes(second), 'it has ended');
  assert.ok(seen.includes(third));
  assert.equal(seen.includes(late), late > first, 'visited in the order of pids');
  assert.deepEqual(
    seen,
    seen.toSorted((a, b) => a - b),
  );
  assert.equal(new Set(seen).size, seen.length);
});
