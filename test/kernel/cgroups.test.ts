import assert from 'node:assert/strict';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CgroupRegistry } from '../../src/cgroup/registry.ts';
import { type CgroupId, cgroupId, milliseconds, type UnixNanoseconds } from '../../src/telemetry/units.ts';
import {
  followCgroups,
  makeCgroup,
  native,
  openScheduler,
  removeCgroup,
  removeCgroups,
  runIn,
  spin,
  type TestCgroup,
  type TestSource,
  version,
} from './scheduler-fixture.ts';

/** Names of the cgroups that the scheduler programs report. */

let source: TestSource | undefined;
afterEach(() => {
  source?.close();
  source = undefined;
});
after(removeCgroups);

/** No look at the directories helps. */
function watch(): { cgroups: CgroupRegistry; opened: TestSource } {
  const followed = followCgroups({ scan: () => undefined });
  // Below a slice of the fair scheduler, which is what a wait behind one other takes.
  const opened = openScheduler({ minWait: milliseconds(1) }, followed);
  source = opened;
  opened.read();
  return { cgroups: followed.registry, opened };
}

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
  for (const directory of directories) await removeCgroup(directory);
}

test('a cgroup that lives 200 ms, shorter than a scan interval, has its path on all its points and events', async () => {
  const parent = makeCgroup('short-lived');
  const rival = makeCgroup('rival');
  const { cgroups, opened } = watch();
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
  assert.ok(reading, 'its totals are there');
  assert.ok(reading.wait > 50e6 && reading.run > 20e6, `waited ${reading.wait} ns, ran ${reading.run} ns`);
  assert.equal(cgroups.path(cgroup.id), cgroup.path);
  assert.ok(waits.length > 0, 'single waits, too');
  for (const { at } of waits) {
    assert.ok(at > born && at < gone);
    assert.equal(cgroups.path(cgroup.id, wallClock(at)), cgroup.path);
  }
  assert.equal(cgroups.path(cgroup.id, wallClock(born - 50_000_000n)), undefined, 'before its creation');
  assert.ok(![...cgroups.living()].some(({ id }) => id === cgroup.id), 'and it is known to be gone');
});
