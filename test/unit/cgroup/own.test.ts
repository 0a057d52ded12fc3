import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { readCgroupMounts } from '../../../src/cgroup/mounts.ts';
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

test('own cgroup, version 1: the path is that of the line with the cpu controller', () => {
  const own = directory('a/b');
  assert.deepEqual(findOwnCgroup(v1, mounted(1)), found(own));
});

test('own cgroup, version 1 in a container: the mount begins at it or above it', () => {
  assert.deepEqual(findOwnCgroup(v1, mounted(1, '/a/b')), found(mountPoint));
  const own = directory('b');
  assert.deepEqual(findOwnCgroup(v1, mounted(1, '/a')), found(own));
});

test('own cgroup: a name that is no UTF-8, also in what is mounted', () => {
  const membership = '4:cpu,cpuacct:/a\\377/\xff/b\n0::/\n'; // a literal backslash in the first name
  mkdirSync(Buffer.concat([Buffer.from(`${mountPoint}/a\\377/`), Buffer.of(0xff), Buffer.from('/b')]), {
    recursive: true,
  });
  const own = findOwnCgroup(membership, mounted(1));
  assert.deepEqual(
    { ...own, id: undefined },
    {
      ...{ kind: 'found', directory: `${mountPoint}/a\\134377/\\377/b`, id: undefined },
    },
  );
  const [line] = readCgroupMounts(`35 32 0:31 /a\\134377/\xff ${mountPoint} rw - cgroup cgroup rw,cpu\n`);
  mkdirSync(join(mountPoint, 'b'));
  assert.deepEqual(findOwnCgroup(membership, line ? [line] : []), found(join(mountPoint, 'b')));
});

test('own cgroup, version 2: without the controller, the nearest ancestor that has it', () => {
  const slice = directory('system.slice', { 'cpu.max': 'max 100000' });
  directory('system.slice/earshot.service/main');
  const own = findOwnCgroup('0::/system.slice/earshot.service/main\n', mounted(2));
  assert.deepEqual(own, found(slice));
});

test('own cgroup, version 2: the root is recognised by its list of controllers', () => {
  directory('', { 'cgroup.controllers': 'cpuset cpu io\n' });
  assert.deepEqual(findOwnCgroup('0::/\n', mounted(2)), found(mountPoint));
  assert.deepEqual(findOwnCgroup('0::/\n', mounted(2, '/')), found(mountPoint));
});

test('own cgroup: version 2 without the cpu controller is the wrong hierarchy', () => {
  directory('', { 'cgroup.controllers': 'cpuset io\n' });
  const own = findOwnCgroup('0::/\n', mounted(2));
  assert.equal(own.kind, 'wrong');
  assert.match(own.problem, /cgroup\.controllers has no "cpu"/);
});

test('own cgroup: version 2 is the wrong hierarchy while version 1 has the controller, unmounted', () => {
  const own = findOwnCgroup(v1, mounted(2));
  assert.equal(own.kind, 'wrong');
  assert.match(own.problem, /the cpu controller is not in the hierarchy mounted at/);
});

test('own cgroup: above the cgroup namespace or the mount it is invisible, not wrong', () => {
  directory('', { 'cgroup.type': 'domain\n' });
  assert.equal(findOwnCgroup('0::/\n', mounted(2)).kind, 'hidden', 'enabled above the namespace only');
  assert.equal(findOwnCgroup('0::/\n', mounted(2, '/../../..')).kind, 'hidden', "the host's mount");
  assert.equal(findOwnCgroup('0::/../other\n', mounted(2)).kind, 'hidden', 'moved out of the namespace');
  assert.equal(findOwnCgroup(v1, mounted(1, '/elsewhere')).kind, 'hidden');
  assert.equal(findOwnCgroup(v1, []).kind, 'hidden');
  const absent = findOwnCgroup(v1, mounted(1));
  assert.ok(absent.kind === 'hidden' && /ENOENT.*a\/b/.test(absent.reason));
});

test('own cgroup: of several mounts the one that contains it is used', () => {
  const own = directory('own', { 'cpu.max': 'max 100000' });
  const mounts = [
    ...mounted(2, '/../../..'),
    { version: 2, mountPoint: own, root: '/', controllers: [] },
  ] as const;
  assert.deepEqual(findOwnCgroup('0::/\n', mounts), found(own));
});
