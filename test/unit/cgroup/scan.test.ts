import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import type { CpuHierarchy } from '../../../src/cgroup/hierarchy.ts';
import { scanCgroups } from '../../../src/cgroup/scan.ts';

let mountPoint = '';
beforeEach(() => {
  mountPoint = mkdtempSync(join(tmpdir(), 'earshot-scan-'));
  for (const path of ['a/b/c', 'a/d', 'e']) mkdirSync(join(mountPoint, path), { recursive: true });
});
afterEach(() => rmSync(mountPoint, { recursive: true, force: true }));

const hierarchy = (root: string | undefined): CpuHierarchy => ({ version: 2, mountPoint, root, mounts: [] });
const idOf = (path: string) => statSync(join(mountPoint, path), { bigint: true }).ino;

test('every directory is found with its id, the root as `/`', () => {
  const scan = scanCgroups(hierarchy('/'));
  assert.deepEqual([...(scan?.cgroups.values() ?? [])].sort(), ['/', '/a', '/a/b', '/a/b/c', '/a/d', '/e']);
  for (const [id, path] of scan?.cgroups ?? []) assert.equal(id, idOf(path));
  assert.equal(scan?.unreadable, 0);
  assert.ok(scan.covers('/any/thing'));
});

test('partial mount: paths are the host’s, and only that part is covered', () => {
  const scan = scanCgroups(hierarchy('/kubepods/pod1'));
  assert.ok([...(scan?.cgroups.values() ?? [])].includes('/kubepods/pod1/a/b'));
  assert.ok(scan?.covers('/kubepods/pod1/gone'));
  for (const path of ['/kubepods/pod2', '/kubepods/pod10', '/'])
    assert.equal(scan?.covers(path), false, path);
});

test('a partial mount without a path yields no cgroups, and neither does a missing hierarchy', () => {
  assert.equal(scanCgroups(hierarchy(undefined)), undefined);
  assert.equal(scanCgroups(undefined), undefined);
});

test('names that are no UTF-8 keep their identity, and that of all below them', () => {
  const inner = (name: number) =>
    Buffer.concat([Buffer.from(`${mountPoint}/e/`), Buffer.of(name), Buffer.from('/inner')]);
  for (const name of [0xff, 0xfe]) mkdirSync(inner(name), { recursive: true });
  mkdirSync(join(mountPoint, 'e/\\377'));
  const scan = scanCgroups(hierarchy('/'));
  const found = new Map([...(scan?.cgroups ?? [])].map(([id, path]) => [path, id]));
  assert.equal(found.get('/e/\\377/inner'), statSync(inner(0xff), { bigint: true }).ino);
  assert.equal(found.get('/e/\\376/inner'), statSync(inner(0xfe), { bigint: true }).ino);
  assert.equal(found.get('/e/\\134377'), idOf('e/\\377'));
  assert.equal(scan?.cgroups.size, found.size, 'no two have the same path');
  assert.equal(scan?.unreadable, 0);
});

test('an unreadable directory is counted, and no cgroup is marked as removed', () => {
  rmSync(mountPoint, { recursive: true });
  const scan = scanCgroups(hierarchy('/'));
  assert.deepEqual([scan?.cgroups.size, scan?.unreadable, scan?.covers('/a')], [0, 1, false]);
});
