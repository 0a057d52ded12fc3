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

test('below a mount of a part, paths are those of the host, and nothing is said of the rest', () => {
  const scan = scanCgroups(hierarchy('/kubepods/pod1'));
  assert.ok([...(scan?.cgroups.values() ?? [])].includes('/kubepods/pod1/a/b'));
  assert.ok(scan?.covers('/kubepods/pod1/gone'));
  for (const path of ['/kubepods/pod2', '/kubepods/pod10', '/'])
    assert.equal(scan?.covers(path), false, path);
});

test('a part without a path has no names, and neither has what is not there', () => {
  assert.equal(scanCgroups(hierarchy(undefined)), undefined);
  assert.equal(scanCgroups(undefined), undefined);
});

test('what is mounted and cannot be read is counted, and nobody is taken for removed', () => {
  rmSync(mountPoint, { recursive: true });
  const scan = scanCgroups(hierarchy('/'));
  assert.deepEqual([scan?.cgroups.size, scan?.unreadable, scan?.covers('/a')], [0, 1, false]);
});
