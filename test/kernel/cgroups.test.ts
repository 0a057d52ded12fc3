import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CgroupRegistry, RegistryOptions } from '../../src/cgroup/registry.ts';
import type { LiveSource } from '../../src/receivers/scheduler/live-scheduler.ts';
import { type CgroupId, cgroupId, type UnixNanoseconds } from '../../src/telemetry/units.ts';
import {
  makeCgroup,
  native,
  openCgroups,
  openScheduler,
  removeCgroups,
  runIn,
  spin,
  type TestCgroup,
  version,
} from './scheduler-fixture.ts';

/** Names of real cgroups, from what the kernel tells of them. */

let source: LiveSource | undefined;
afterEach(() => {
  source?.close();
  source = undefined;
});
after(removeCgroups);

/** With `blind`, no look at the directories helps. */
function watch(options: Partial<RegistryOptions> = {}): { cgroups: CgroupRegistry; opened: LiveSource } {
  const cgroups = openCgroups(options);
  const opened = openScheduler({}, cgroups);
  source = opened;
  cgroups.follow(() => opened.tellChanges());
  opened.read();
  return { cgroups, opened };
}
const blind: Partial<RegistryOptions> = { scan: () => undefined };

const idOf = (directory: string): CgroupId => cgroupId(statSync(directory, { bigint: true }).ino);
const wallClock = (monotonic: bigint) =>
  (BigInt(Date.now()) * 1_000_000n - (native.monotonic() - monotonic)) as UnixNanoseconds;

/** A cgroup beside `parent.procs`, in each hierarchy that a process has to enter; and how to remove it again. */
function makeBelow(parent: TestCgroup, name: string) {
  if (version === 2) writeFileSync(join(parent.directory, 'cgroup.subtree_control'), '+cpu');
  const directories = parent.procs.map((procs) => join(dirname(procs), name));
  for (const directory of directories) mkdirSync(directory);
  const directory = join(parent.directory, name);
  const cgroup: TestCgroup = {
    ...parent,
    ...{ id: idOf(directory), path: `${parent.path}/${name}`, directory },
    procs: directories.map((of) => join(of, 'cgroup.procs')),
  };
  return { cgroup, remove: () => removeAll(directories) };
}

async function removeAll(directories: readonly string[]): Promise<void> {
  for (const directory of directories)
    for (let attempt = 0; ; attempt++)
      try {
        rmdirSync(directory);
        break;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EBUSY' || attempt === 50) throw error;
        await sleep(20); // its last task has not quite ended
      }
}

test('a cgroup that lives 200 ms and is gone before anybody looks has its name on all that is said of it', async () => {
  const parent = makeCgroup('brief');
  const rival = makeCgroup('rival');
  const { cgroups, opened } = watch(blind);
  const competing = runIn(rival, spin(1.2, 2), 0);
  await sleep(200);
  const born = native.monotonic();
  const { cgroup, remove } = makeBelow(parent, 'job');
  await runIn(cgroup, spin(0.2, 1), 0);
  await remove();
  const gone = native.monotonic();
  await competing;

  const waits = opened.drain().filter((wait) => wait.cgroup === cgroup.id);
  const reading = opened.read().cgroups.find((one) => one.cgroup === cgroup.id);
  assert.ok(reading && reading.wait > 50e6 && reading.run > 20e6, 'its totals are there');
  assert.equal(cgroups.path(cgroup.id), cgroup.path);
  assert.ok(waits.length > 0, 'single waits, too');
  for (const { at } of waits) {
    assert.ok(at > born && at < gone);
    assert.equal(cgroups.path(cgroup.id, wallClock(at)), cgroup.path);
  }
  assert.equal(cgroups.path(cgroup.id, wallClock(born - 50_000_000n)), undefined, 'before its birth');
  assert.ok(![...cgroups.living()].some(({ id }) => id === cgroup.id), 'and it is known to be gone');
});

test('a cgroup that is renamed, and all below it, have the new name from then on', {
  timeout: 10_000,
}, () => {
  const parent = makeCgroup('renaming');
  const former = join(parent.directory, 'former');
  const latter = join(parent.directory, 'latter');
  const { cgroups, opened } = watch(blind);
  mkdirSync(former);
  mkdirSync(join(former, 'below'));
  const ids = [idOf(former), idOf(join(former, 'below'))];
  const paths = (at?: bigint) =>
    ids.map((id) => cgroups.path(id, at === undefined ? undefined : wallClock(at)));
  try {
    if (version === 2) {
      assert.throws(() => renameSync(former, latter), /EPERM/, 'there is no renaming on version 2');
      return;
    }
    const before = native.monotonic();
    pause();
    renameSync(former, latter);
    opened.tellChanges();
    assert.deepEqual(paths(), [`${parent.path}/latter`, `${parent.path}/latter/below`]);
    assert.deepEqual(paths(before), [`${parent.path}/former`, `${parent.path}/former/below`]);
  } finally {
    const name = version === 2 ? former : latter;
    rmdirSync(join(name, 'below'));
    rmdirSync(name);
  }
});

/** So that the moments before and after differ by more than the wall clock's resolution. */
function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
}

test('names lost to a full ring are found by a look, and those that have gone are noticed', () => {
  const parent = makeCgroup('flood');
  const { cgroups, opened } = watch();
  const early = join(parent.directory, 'early');
  const late = join(parent.directory, 'late');
  mkdirSync(early);
  const earlyId = idOf(early);
  for (let i = 0; i < 300; i++) {
    mkdirSync(join(parent.directory, String(i)));
    rmdirSync(join(parent.directory, String(i)));
  }
  rmdirSync(early);
  mkdirSync(late);
  const lateId = idOf(late);
  try {
    const { drops } = opened.read();
    assert.ok((drops.ring_full ?? 0) > 100, JSON.stringify(drops));
    cgroups.scan();
    assert.equal(cgroups.path(lateId), `${parent.path}/late`);
    assert.equal(cgroups.path(earlyId), `${parent.path}/early`);
    const living = new Set([...cgroups.living()].map(({ id }) => id));
    assert.ok(living.has(lateId) && !living.has(earlyId));
  } finally {
    rmdirSync(late);
  }
});

test('a path that does not fit into a record is looked up', () => {
  const { cgroups, opened } = watch();
  const names = ['a', 'b', 'c'].map((letter) => letter.repeat(200));
  const parent = makeCgroup('deep');
  const made = names.map((_, depth) => join(parent.directory, ...names.slice(0, depth + 1)));
  for (const directory of made) mkdirSync(directory);
  try {
    const [deepest = ''] = made.slice(-1);
    const id = idOf(deepest);
    const { drops } = opened.read();
    assert.ok((drops.path_truncated ?? 0) > 0);
    cgroups.scan();
    assert.equal(cgroups.path(id), `${parent.path}/${names.join('/')}`);
    assert.equal(basename(cgroups.path(idOf(made[1] ?? '')) ?? ''), names[1], 'the others from their events');
  } finally {
    for (const directory of made.reverse()) rmdirSync(directory);
  }
});

test('a cgroup is told of also where its parent gives it no cpu controller', () => {
  const parent = makeCgroup('bare');
  const { cgroups } = watch(blind);
  const directory = join(parent.directory, 'plain');
  mkdirSync(directory); // of version 2 it has none
  const id = idOf(directory);
  rmdirSync(directory);
  assert.equal([...cgroups.living()].length, 0);
  cgroups.scan(); // which tells first what has not been told
  assert.equal(cgroups.path(id), `${parent.path}/plain`);
});
