import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { findOwnCgroup } from '../../../src/cgroup/own.ts';

let mountPoint = '';
beforeEach(() => {
  mountPoint = mkdtempSync(join(tmpdir(), 'earshot-own-'));
});
afterEach(() => rmSync(mountPoint, { recursive: true, force: true }));

function directory(path: string, files: Readonly<Record<string, string>> = {}): string {
  const made = join(mountPoint, path);
  mkdirSync(made, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(made, name), text);
  return made;
}
const mounted = (version: 1 | 2, root = '/') => [{ version, mountPoint, root, controllers: [] }];
const found = (path: string) => ({
  kind: 'found',
  directory: path,
  id: statSync(path, { bigint: true }).ino,
});

const v1 = '12:pids:/other\n4:cpu,cpuacct:/a/b\n0::/c\n';

test('version 1: the path of the line with the cpu controller', () => {
  const own = directory('a/b');
  assert.deepEqual(findOwnCgroup(v1, mounted(1)), found(own));
});

test('version 1 in a container: the mount begins at the own cgroup or above it', () => {
  assert.deepEqual(findOwnCgroup(v1, mounted(1, '/a/b')), found(mountPoint));
  const own = directory('b');
  assert.deepEqual(findOwnCgroup(v1, mounted(1, '/a')), found(own));
});

test('version 2: where the controller is not enabled, the nearest cgroup above that has it', () => {
  const slice = directory('system.slice', { 'cpu.max': 'max 100000' });
  directory('system.slice/earshot.service/main');
  const own = findOwnCgroup('0::/system.slice/earshot.service/main\n', mounted(2));
  assert.deepEqual(own, found(slice));
});

test('version 2: the root has no quota of its own, and is told by its list of controllers', () => {
  directory('', { 'cgroup.controllers': 'cpuset cpu io\n' });
  assert.deepEqual(findOwnCgroup('0::/\n', mounted(2)), found(mountPoint));
  assert.deepEqual(findOwnCgroup('0::/\n', mounted(2, '/')), found(mountPoint));
});

test('version 2 without the cpu controller is the wrong hierarchy', () => {
  directory('', { 'cgroup.controllers': 'cpuset io\n' });
  const own = findOwnCgroup('0::/\n', mounted(2));
  assert.equal(own.kind, 'wrong');
  assert.match(own.problem, /cgroup\.controllers has no "cpu"/);
});

test('version 2 while version 1 has the controller, unmounted, is the wrong hierarchy', () => {
  const own = findOwnCgroup(v1, mounted(2));
  assert.equal(own.kind, 'wrong');
  assert.match(own.problem, /the cpu controller is not in the hierarchy mounted at/);
});

test('what lies above a cgroup namespace or a mount cannot be seen, and is not called wrong', () => {
  directory('', { 'cgroup.type': 'domain\n' });
  assert.equal(findOwnCgroup('0::/\n', mounted(2)).kind, 'hidden', 'enabled above the namespace only');
  assert.equal(findOwnCgroup('0::/\n', mounted(2, '/../../..')).kind, 'hidden', "the host's mount");
  assert.equal(findOwnCgroup('0::/../other\n', mounted(2)).kind, 'hidden', 'moved out of the namespace');
  assert.equal(findOwnCgroup(v1, mounted(1, '/elsewhere')).kind, 'hidden');
  assert.equal(findOwnCgroup(v1, []).kind, 'hidden');
  const absent = findOwnCgroup(v1, mounted(1));
  assert.ok(absent.kind === 'hidden' && /ENOENT.*a\/b/.test(absent.reason));
});

test('of several mounts, the one in which the own cgroup can be seen counts', () => {
  const own = directory('own', { 'cpu.max': 'max 100000' });
  const mounts = [
    ...mounted(2, '/../../..'),
    { version: 2, mountPoint: own, root: '/', controllers: [] },
  ] as const;
  assert.deepEqual(findOwnCgroup('0::/\n', mounts), found(own));
});
