import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  renameSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openCgroupFiles } from '../../../src/cgroup/files/open.ts';
import { readMountinfo } from '../../../src/cgroup/hierarchy.ts';
import { readCgroupMounts } from '../../../src/cgroup/mounts.ts';
import { identifyPath } from '../../../src/cgroup/path/identify.ts';
import { type CgroupId, cgroupId } from '../../../src/telemetry/units.ts';
import {
  followCgroups,
  makeCgroup,
  mountPoint,
  openCgroups,
  removeCgroups,
  type TestCgroup,
  version,
} from '../scheduler-fixture.ts';

/** Names of cgroups may have any bytes but `/` and NUL: the kernel's events, the scan and the files agree on all of them. */

const files = openCgroupFiles({ version, mountPoint, root: '/' }, readMountinfo());
const unified = readCgroupMounts(readMountinfo()).find((mount) => mount.version === 2)?.mountPoint;

const made: Buffer[] = [];
const opened: number[] = [];
let task: ChildProcess | undefined;
let close: () => void = () => {};
afterEach(async () => {
  close();
  close = () => {};
  const ended = task && once(task, 'exit');
  if (task?.kill('SIGKILL')) await ended;
  task = undefined;
  for (const directory of made.splice(0).reverse()) await remove(directory);
  for (const descriptor of opened.splice(0)) closeSync(descriptor);
  await removeCgroups();
});

/** Busy for a moment after its last task has ended. */
async function remove(directory: Buffer): Promise<void> {
  for (let attempt = 0; existsSync(directory); attempt++)
    try {
      rmdirSync(directory);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY' || attempt === 50) throw error;
      await sleep(20);
    }
}

/** Bytes are given as latin1. */
const below = (parent: Buffer | string, name: string) =>
  Buffer.concat([Buffer.from(parent), Buffer.from(`/${name}`, 'latin1')]);

function make(parent: Buffer | string, name: string): Buffer {
  const directory = below(parent, name);
  mkdirSync(directory);
  made.push(directory);
  return directory;
}

const idOf = (directory: Buffer): CgroupId => cgroupId(statSync(directory, { bigint: true }).ino);

const container = `docker-${'a'.repeat(64)}.scope`;

/** Byte sequences that one replacement character would make equal, and names that look like their texts. */
const odd = new Map([
  ['\xff', '\\377'],
  ['\xfe', '\\376'],
  ['\xc3', '\\303'],
  ['\\377', '\\134377'],
  ['\xed\xa0\x80', '\\355\\240\\200'],
  ['\xef\xbf\xbd', '\ufffd'],
  ['\x1b[2J\r\t', '\x1b[2J\r\t'],
]);

/** The container with a cgroup of each odd name, and `inner` below each: the id of each by its path. */
function makeOdd(parent: TestCgroup): ReadonlyMap<string, CgroupId> {
  const scope = make(parent.directory, container);
  const ids = new Map<string, CgroupId>();
  for (const [name, text] of odd) {
    const directory = make(scope, name);
    const path = `${parent.path}/${container}/${text}`;
    ids.set(path, idOf(directory));
    ids.set(`${path}/inner`, idOf(make(directory, 'inner')));
  }
  return ids;
}

/** No look at the directories helps. */
function followEvents() {
  const followed = followCgroups({ scan: () => undefined });
  close = followed.close;
  return followed;
}

test('a scan and the kernel’s events give each of them the same path, and its container', () => {
  const parent = makeCgroup('odd');
  const { registry: followed, drain, lost } = followEvents();
  const ids = makeOdd(parent);
  drain();
  const scanned = openCgroups();
  assert.equal(new Set(ids.values()).size, 2 * odd.size);
  for (const [path, id] of ids) {
    assert.equal(followed.path(id), path);
    assert.equal(scanned.path(id), path);
    assert.equal(identifyPath(path).containerId, 'a'.repeat(64));
    assert.ok(path.isWellFormed());
  }
  assert.deepEqual(lost, {});
});

test('the control files of each are its own, in each hierarchy', async () => {
  const parent = makeCgroup('odd');
  const ids = makeOdd(parent);
  const weights = new Map([...ids.keys()].map((path, i) => [path, version === 2 ? i + 1 : 1024 * (i + 1)]));
  for (const [i, directory] of made.slice(1).entries()) {
    if (version === 1) writeFileSync(below(directory, 'cpu.shares'), String(1024 * (i + 1)));
  }
  for (const [path, weight] of weights) {
    assert.ok(files.cpuStatistics(path), `${path} has no cpu.stat`);
    if (version === 1) assert.equal(files.cpu(path)?.shares, weight);
    assert.equal(files.hasProcesses(path), false);
  }
  const inner = `${parent.path}/${container}/\\377/inner`;
  task = spawn('sleep', ['60']);
  writeFileSync(
    below(below(below(below(parent.directory, container), '\xff'), 'inner'), 'cgroup.procs'),
    String(task.pid),
  );
  assert.equal(files.hasProcesses(inner), true);
  assert.equal(files.hasProcesses(inner.replace('377', '376')), false);
});

// of version 2 it is a control file like the others
if (version === 1 && unified)
  test('pressure comes from the unified hierarchy by the same path', () => {
    const name = `earshot-test-${process.pid}-pressure`;
    const parent = make(unified, name);
    for (const odd of ['\xff', '\xfe']) make(make(parent, odd), 'inner');
    for (const text of ['\\377', '\\376']) assert.ok(files.pressure(`/${name}/${text}/inner`, 'cpu'), text);
    assert.equal(files.pressure(`/${name}/\ufffd/inner`, 'cpu'), undefined);
  });

test('a process that enters one names it, and its end is that of no other', async () => {
  const parent = makeCgroup('odd');
  const ids = makeOdd(parent);
  const { registry, drain } = followEvents();
  const scope = below(parent.directory, container);
  const [first, second] = ['\xff', '\xfe'].map((name) => below(below(scope, name), 'inner'));
  assert.ok(first && second);
  task = spawn('sleep', ['60']);
  for (const directory of [first, second]) writeFileSync(below(directory, 'cgroup.procs'), String(task.pid));
  drain();
  const living = () => new Map([...registry.living()].map(({ id, path }) => [id, path]));
  const [path, other] = ['\\377', '\\376'].map((text) => `${parent.path}/${container}/${text}/inner`);
  assert.ok(path && other);
  assert.equal(living().get(ids.get(path) as CgroupId), path);
  assert.equal(living().get(ids.get(other) as CgroupId), other);
  await remove(first);
  drain();
  assert.equal(living().has(ids.get(path) as CgroupId), false);
  assert.equal(registry.path(ids.get(path) as CgroupId), path, 'late data has its name');
  assert.equal(living().get(ids.get(other) as CgroupId), other);
});

// version 2 cannot rename
if (version === 1)
  test('a renamed one and all below it have their new paths', async () => {
    const parent = makeCgroup('odd');
    const { registry, drain } = followEvents();
    const former = make(parent.directory, '\xff');
    const inner = make(former, '\xfe');
    const [id, innerId] = [idOf(former), idOf(inner)];
    const latter = below(parent.directory, '\xc3');
    renameSync(former, latter);
    made.splice(0, made.length, latter, below(latter, '\xfe'));
    drain();
    assert.equal(registry.path(id), `${parent.path}/\\303`);
    assert.equal(registry.path(innerId), `${parent.path}/\\303/\\376`);
    assert.equal(openCgroups().path(innerId), `${parent.path}/\\303/\\376`);
  });

test('names of 255 bytes are whole, also where only their last byte differs', () => {
  const parent = makeCgroup('long');
  const { registry, drain, lost } = followEvents();
  for (const last of ['\xff', '\xfe']) {
    const directory = make(parent.directory, `${'\xff'.repeat(254)}${last}`);
    const path = `${parent.path}/${'\\377'.repeat(254)}\\${last === '\xff' ? '377' : '376'}`;
    drain();
    assert.equal(registry.path(idOf(directory)), path);
    assert.ok(files.cpuStatistics(path));
  }
  assert.deepEqual(lost, {});
});

test('paths beyond a record are counted and scanned; beyond what the kernel opens, counted and nameless', () => {
  const parent = makeCgroup('deep');
  let unreadable = 0;
  const {
    registry,
    drain,
    lost,
    close: stop,
  } = followCgroups({
    lose: (reason) => {
      if (reason === 'unreadable') unreadable++;
    },
  });
  close = stop;
  const name = 'd'.repeat(255);
  const levels = makeDeep(parent.directory, name, 16);
  drain();
  const paths = levels.map((_, depth) => parent.path + `/${name}`.repeat(depth + 1));
  const beyond = paths.filter((path) => `${mountPoint}${path}`.length > 4095);
  assert.equal(beyond.length, 1);
  assert.equal(lost.path_truncated, paths.filter((path) => path.length > 510).length);
  registry.scan();
  assert.equal(unreadable, beyond.length);
  assert.deepEqual(
    levels.map((id) => registry.path(id)),
    paths.map((path) => (beyond.includes(path) ? undefined : path)), // never that of another
  );
});

/** A chain of directories, each opened by the one above it: no path is too long for that. */
function makeDeep(root: string, name: string, depth: number): readonly CgroupId[] {
  let above = openSync(root, 'r');
  opened.push(above);
  return Array.from({ length: depth }, () => {
    const directory = Buffer.from(`/proc/self/fd/${above}/${name}`);
    mkdirSync(directory);
    made.push(directory);
    above = openSync(directory, 'r');
    opened.push(above);
    return idOf(directory);
  });
}
