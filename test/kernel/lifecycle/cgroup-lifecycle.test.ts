import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { followLifecycle, type Lifecycle } from '../../../src/cgroup/lifecycle.ts';
import { Serials } from '../../../src/cgroup/serials.ts';
import {
  type CgroupId,
  cgroupId,
  type MonotonicNanoseconds,
  type Nanoseconds,
  seconds,
  type UnixNanoseconds,
} from '../../../src/telemetry/units.ts';
import {
  bpf,
  makeCgroup,
  mountPoint,
  openCgroups,
  removeCgroups,
  runIn,
  version,
} from '../scheduler-fixture.ts';

/** Names and serial numbers of real cgroups, without the scheduler programs. */

const opened: Lifecycle[] = [];
afterEach(async () => {
  for (const lifecycle of opened.splice(0)) lifecycle.close();
  await removeCgroups();
});

/** Remembers the serial number of each cgroup id too. */
class NotedSerials extends Serials {
  readonly of = new Map<CgroupId, bigint>();
  override set(serial: bigint, id: CgroupId): void {
    this.of.set(id, serial);
    super.set(serial, id);
  }
}

/** The registry knows nothing but what the kernel reports, unless it may scan. */
function follow(options: Parameters<typeof openCgroups>[0] = { scan: () => undefined }) {
  const registry = openCgroups(options);
  const serials = new NotedSerials(10_000);
  const lost = new Map<string, number>();
  let now = bpf.monotonic(); // of the pauses between two iterations
  const lifecycle = followLifecycle(
    { ...bpf, monotonic: () => now },
    { registry, serials, lose: (reason, by) => lost.set(reason, (lost.get(reason) ?? 0) + by) },
  );
  opened.push(lifecycle);
  const living = () => new Set([...registry.living()].map(({ id }) => id));
  const pass = (time: Nanoseconds) => {
    now = (now + BigInt(time)) as MonotonicNanoseconds;
  };
  return { registry, serials, lifecycle, lost, living, pass };
}

const idOf = (directory: string) => cgroupId(statSync(directory, { bigint: true }).ino);

test('the iterator gives each existing cgroup the serial number of its creation event', () => {
  const parent = makeCgroup('numbered');
  const { serials: born, lifecycle, lost } = follow();
  const children = Array.from({ length: 200 }, (_, i) => makeCgroup(`child-${i}`, { parent }));
  lifecycle.drain();
  const { serials: found } = follow();
  const ofBirth = children.map(({ id }) => born.of.get(id));
  assert.equal(new Set(ofBirth).size, children.length, 'each has a number of its own');
  assert.ok(ofBirth.every((serial) => serial !== undefined && serial > 0n));
  assert.deepEqual(
    children.map(({ id }) => found.of.get(id)),
    ofBirth,
  );
  assert.ok((found.of.get(parent.id) ?? 0n) < (ofBirth[0] ?? 0n), 'older ones have lower numbers');
  assert.ok(found.of.has(idOf(mountPoint)), 'the root is one of them');
  for (const [i, { id }] of children.entries()) assert.equal(found.find(ofBirth[i] ?? 0n), id);
  assert.deepEqual([...lost], []);
});

test('a cgroup that is removed before any look has its name, and is not living', () => {
  const parent = makeCgroup('brief');
  const { registry, serials, lifecycle, lost, living } = follow();
  const directory = join(parent.directory, 'job');
  mkdirSync(directory);
  const id = idOf(directory);
  lifecycle.drain();
  assert.equal(living().has(id), true);
  rmdirSync(directory);
  lifecycle.drain();
  assert.equal(registry.path(id), `${parent.path}/job`);
  assert.equal(living().has(id), false);
  const serial = serials.of.get(id);
  if (serial !== undefined) assert.equal(serials.find(serial), id, 'late data still has a name');
  assert.deepEqual([...lost], []);
});

test('a process that enters a cgroup gives it its name', async () => {
  const cgroup = makeCgroup('entered');
  const { registry, lifecycle } = follow();
  assert.equal(registry.path(cgroup.id), undefined, 'it was made before');
  await runIn(cgroup, ['true']);
  lifecycle.drain();
  assert.equal(registry.path(cgroup.id), cgroup.path);
});

// version 2 cannot rename
if (version === 1)
  test('a renamed cgroup and all below it have their new paths', () => {
    const parent = makeCgroup('renamed');
    const { registry, lifecycle } = follow();
    const former = join(parent.directory, 'former');
    mkdirSync(join(former, 'inner'), { recursive: true });
    const [id, inner] = [idOf(former), idOf(join(former, 'inner'))];
    const latter = join(parent.directory, 'latter');
    renameSync(former, latter);
    lifecycle.drain();
    rmdirSync(join(latter, 'inner'));
    rmdirSync(latter);
    assert.equal(registry.path(id), `${parent.path}/latter`);
    assert.equal(registry.path(inner), `${parent.path}/latter/inner`);
  });

test('changes beyond the ring are counted one by one, and a scan finds what they were', () => {
  const parent = makeCgroup('many-changes');
  const { registry, lifecycle, lost, living } = follow({});
  const made = 600; // the ring holds some 480
  const jobs = Array.from({ length: made }, (_, i) => makeCgroup(`job-${i}`, { parent }));
  lifecycle.drain();
  const missing = lost.get('ring_full') ?? 0;
  assert.ok(missing > 0 && missing < made, `${missing} lost`);
  registry.scan();
  const found = living();
  assert.equal(jobs.filter(({ id }) => !found.has(id)).length, 0);
});

test('the serial number of a cgroup with a lost creation event is found by another iteration', () => {
  const parent = makeCgroup('lost-birth');
  const { serials, lifecycle, pass } = follow();
  for (let i = 0; i < 600; i++) makeCgroup(`job-${i}`, { parent });
  const last = makeCgroup('after-the-full-ring');
  const { serials: others } = follow();
  const serial = others.of.get(last.id) ?? 0n;
  lifecycle.drain();
  assert.equal(serials.of.get(last.id), undefined);
  assert.equal(serials.find(serial), undefined, 'not at once after the first iteration');
  pass(seconds(1));
  assert.equal(serials.find(serial), last.id);
});

test('a path too long for its record is counted, and looked up', () => {
  const { registry, lifecycle, lost } = follow({});
  const names = ['a', 'b', 'c'].map((letter) => letter.repeat(200));
  const parent = makeCgroup('deep');
  const made = names.map((_, depth) => join(parent.directory, ...names.slice(0, depth + 1)));
  for (const directory of made) mkdirSync(directory);
  try {
    lifecycle.drain();
    assert.equal(lost.get('path_truncated'), 1);
    registry.scan();
    const paths = made.map((directory) => registry.path(idOf(directory)));
    assert.deepEqual(
      paths,
      names.map((_, depth) => [parent.path, ...names.slice(0, depth + 1)].join('/')),
    );
  } finally {
    for (const directory of made.reverse()) rmdirSync(directory);
  }
});

test('a cgroup without the cpu controller has life-cycle events too', () => {
  const parent = makeCgroup('bare');
  const { registry, living } = follow();
  const directory = join(parent.directory, 'plain');
  mkdirSync(directory); // of version 2 it has none
  const id = idOf(directory);
  rmdirSync(directory);
  assert.equal(living().has(id), false);
  assert.equal(registry.path(id), `${parent.path}/plain`);
});

test('data is named by the events before its time, whenever these were drained', () => {
  const parent = makeCgroup('timely');
  const { registry } = follow();
  const directory = join(parent.directory, 'job');
  const before = BigInt(Date.now() - 50) * 1_000_000n;
  mkdirSync(directory);
  const id = idOf(directory);
  rmdirSync(directory);
  const now = BigInt(Date.now() + 1) * 1_000_000n;
  assert.equal(registry.path(id, now as UnixNanoseconds), `${parent.path}/job`);
  assert.equal(registry.path(id, before as UnixNanoseconds), undefined);
});

test('close is idempotent, and nothing follows any more', () => {
  const { registry, serials, lifecycle } = follow();
  lifecycle.close();
  lifecycle.close();
  assert.equal(registry.path(makeCgroup('later').id), undefined);
  assert.equal(serials.find(1n << 60n), undefined);
});
