import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { test } from 'node:test';
import { lockInstance } from '../../../src/bpf/instance-lock.ts';
import { iterate } from '../../../src/bpf/iterator.ts';
import { attachFixture, builtObject, native } from './fixture.ts';

/** This run's own lock, so that a running agent is not in the way: 5 characters of the 15 a marker has, less a pid. */
const name = `t${(process.pid % 36 ** 4).toString(36).padStart(4, '0')}`;

const script = (use: string) => `
  const { lockInstance } = await import(${JSON.stringify(import.meta.resolve('../../../src/bpf/instance-lock.ts'))});
  const { native } = await import(${JSON.stringify(import.meta.resolve('./fixture.ts'))});
  const lock = () => {
    try { lockInstance(native, '${name}'); return 'locked'; } catch (error) { return error.code + ' ' + error.message; }
  };
  ${use}`;
const lockAndStay = script('console.log(lock()); process.stdin.resume();');

type Child = ChildProcessByStdio<Writable, Readable, null>;

/** Runs a script with `wrapper` before it; it ends with its input at the latest. */
function start(wrapper: readonly string[], source: string): Child {
  const [command = '', ...rest] = [...wrapper, process.execPath, '--input-type=module', '--eval', source];
  return spawn(command, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
}
const nextLine = async (child: Child) => String((await once(child.stdout, 'data'))[0]).trim();

async function killed(child: Child): Promise<void> {
  const end = once(child, 'exit');
  child.kill('SIGKILL');
  await end;
}

const heldBy = (pid: number | undefined, where = '') => ({
  code: 'EBUSY',
  message: `another earshot (pid ${pid}${where}) is attached to this machine: stop it first`,
});

test('a second holder is refused with the pid of the first', () => {
  const first = lockInstance(native, name);
  assert.throws(() => lockInstance(native, name), heldBy(process.pid));
  first.release();
});

test('a released lock is free, and release is idempotent', () => {
  const first = lockInstance(native, name);
  first.release();
  first.release();
  const second = lockInstance(native, name);
  first.release();
  assert.throws(() => lockInstance(native, name), { code: 'EBUSY' });
  second.release();
});

test('locks of different names are independent, also if one name is a prefix of the other', () => {
  const locks = [name, name.slice(0, -1), `${name}x`].map((one) => lockInstance(native, one));
  for (const lock of locks) lock.release();
});

test('a holder in another process is named by its pid, and a killed holder holds nothing', async () => {
  const holder = start([], lockAndStay);
  assert.equal(await nextLine(holder), 'locked');
  assert.throws(() => lockInstance(native, name), heldBy(holder.pid));
  await killed(holder);
  lockInstance(native, name).release();
});

test('the lock works across network, mount, cgroup, ipc and pid namespaces, both ways', async () => {
  const elsewhere = [
    'unshare',
    '--net',
    '--mount',
    '--cgroup',
    '--ipc',
    '--uts',
    '--pid',
    '--fork',
    '--kill-child',
  ];
  const holder = start([...elsewhere, '--mount-proc'], lockAndStay);
  assert.equal(await nextLine(holder), 'locked');
  // there it is the first process; here pid 1 is another process
  assert.throws(() => lockInstance(native, name), heldBy(1, ' in its own pid namespace'));
  await killed(holder);

  await freed();
  const here = lockInstance(native, name);
  const other = start([...elsewhere, '--mount-proc'], lockAndStay);
  assert.match(await nextLine(other), /^EBUSY another earshot \(pid \d+ in its own pid namespace\)/);
  await killed(other);
  here.release();
});

/** `unshare` is gone before its child, which is killed with it. */
async function freed(): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    try {
      lockInstance(native, name).release();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 10)); // still ending
    }
  }
  throw new Error('the lock of a killed process stays');
}

test('an unprivileged process can neither hold nor block the lock', async () => {
  const socket = createServer().listen(`\0${name}/scheduler`);
  const other = start(
    [],
    script(`
      process.setgroups([]); process.setgid(65534); process.setuid(65534);
      let marker = 'made';
      try { native.createMarker('${name}_' + process.pid); } catch (error) { marker = error.code; }
      console.log(marker, lock().slice(0, 5));
      process.stdin.resume();`),
  );
  assert.equal(await nextLine(other), 'EPERM UNSUP');
  lockInstance(native, name).release();
  await killed(other);
  socket.close();
});

test('only queue maps are markers: map types available without privileges are ignored', () => {
  const others = attachFixture();
  const marker = native.createMarker(`${name}_1`);
  const object = native.open(builtObject('markers.bpf.o'), {});
  native.load(object);
  const { size } = native.structLayout(object, 'marker_record');
  const records = new Uint8Array(64 * 1024);
  const used = iterate(native, object, { program: 'markers', into: records });
  const text = Buffer.from(records.subarray(0, used)).toString('latin1');
  assert.equal(used % size, 0);
  assert.ok(text.includes(`${name}_1\0`));
  for (const map of ['cells', 'squares', 'records']) assert.ok(!text.includes(`${map}\0`), map);
  native.closeMarker(marker.token);
  native.close(object);
  native.close(others);
});

test('exactly one of many concurrent starts holds the lock', async () => {
  const atOnce = script(`
    process.stdin.once('data', () => console.log(lock()));
    console.log('ready');`);
  const children = Array.from({ length: 4 }, () => start([], atOnce));
  for (const child of children) assert.equal(await nextLine(child), 'ready');
  for (const child of children) child.stdin.write('go\n');
  const answers = await Promise.all(children.map(nextLine));
  assert.equal(answers.filter((answer) => answer === 'locked').length, 1, answers.join(', '));
  assert.equal(answers.filter((answer) => answer.startsWith('EBUSY another earshot (pid ')).length, 3);
  await Promise.all(children.map(killed));
  lockInstance(native, name).release();
});

/** The addon, whose first look for markers shows none; `meanwhile` comes between the two. */
function lookingTooEarly(meanwhile = () => {}) {
  let looks = 0;
  const readIterator: typeof native.readIterator = (...values) => {
    if (looks === 1) return 0;
    return native.readIterator(...values);
  };
  const openIterator: typeof native.openIterator = (...values) => {
    if (++looks > 1) meanwhile();
    return native.openIterator(...values);
  };
  return { ...native, openIterator, readIterator };
}

test('race of two starts: the later one gives way and removes its marker', () => {
  const first = lockInstance(native, name);
  assert.throws(() => lockInstance(lookingTooEarly(), name), heldBy(process.pid));
  first.release();
  lockInstance(native, name).release();
});

test('race of two starts: the earlier one holds the lock', () => {
  const rivals: number[] = [];
  const early = lookingTooEarly(() => rivals.push(native.createMarker(`${name}_1`).token));
  const lock = lockInstance(early, name);
  assert.equal(rivals.length, 1);
  for (const token of rivals) native.closeMarker(token);
  lock.release();
});

test('a failed search for the lock leaves no marker', () => {
  const open = () =>
    spawnSync('ls', ['-l', `/proc/${process.pid}/fd`], { encoding: 'utf8' }).stdout.match(/bpf/g)?.length;
  const before = open();
  assert.throws(
    () => lockInstance({ ...native, openIterator: () => assert.fail('refused') }, name),
    /refused/,
  );
  let calls = 0;
  const openIterator: typeof native.openIterator = (...values) =>
    calls++ ? assert.fail('refused later') : native.openIterator(...values);
  assert.throws(() => lockInstance({ ...native, openIterator }, name), /refused later/);
  assert.equal(open(), before);
  lockInstance(native, name).release();
});
