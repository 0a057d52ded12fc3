import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { CgroupTree, findCpuHierarchy } from '../../src/kernel/cgroup-tree.ts';
import { cgroupId } from '../../src/telemetry/units.ts';

const v2 = '31 24 0:27 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate';
const v1 = [
  '33 32 0:29 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd',
  '34 32 0:30 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset',
  '35 32 0:31 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct',
].join('\n');

const hierarchies = [
  { title: 'version 2', text: v2, found: { version: 2, mountPoint: '/sys/fs/cgroup', root: '/' } },
  {
    title: 'version 1',
    text: v1,
    found: { version: 1, mountPoint: '/sys/fs/cgroup/cpu,cpuacct', root: '/' },
  },
  {
    title: 'version 1 beside an empty version 2',
    text: `${v2.replace('/sys/fs/cgroup ', '/sys/fs/cgroup/unified ')}\n${v1}`,
    found: { version: 1, mountPoint: '/sys/fs/cgroup/cpu,cpuacct', root: '/' },
  },
  {
    title: 'a mount point with a blank',
    text: v2.replace('/sys/fs/cgroup ', '/mnt/my\\040cgroups '),
    found: { version: 2, mountPoint: '/mnt/my cgroups', root: '/' },
  },
  { title: 'none', text: '24 1 8:1 / / rw - ext4 /dev/sda1 rw\n', found: undefined },
];
for (const { title, text, found } of hierarchies)
  test(`the cpu hierarchy is found: ${title}`, () => {
    assert.deepEqual(findCpuHierarchy(text), found);
  });

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'earshot-tree-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const idOf = (path: string) => cgroupId(statSync(join(root, path), { bigint: true }).ino);

function make(path: string) {
  mkdirSync(join(root, path), { recursive: true });
  return idOf(path);
}

function openTree(limit = 100) {
  const clock = { now: 0 };
  const tree = new CgroupTree(root, { limit, rescanAfterMs: 1000, now: () => clock.now });
  return { tree, clock };
}

test('cgroups that were there before are found by a scan, the root as `/`', () => {
  const id = make('a/b');
  const { tree } = openTree();
  assert.equal(tree.path(id), '/a/b');
  assert.equal(tree.path(idOf('.')), '/');
});

test('what an event taught needs no scan, and stays known when the cgroup has gone', () => {
  const tree = new CgroupTree(undefined, { limit: 100, rescanAfterMs: 0, now: () => 0 });
  tree.learn({ kind: 'seen', id: cgroupId(7n), path: '/gone' });
  assert.equal(tree.path(cgroupId(7n)), '/gone');
  assert.equal(tree.path(cgroupId(8n)), undefined);
});

test('an unknown id is looked for again, but not at once', () => {
  const { tree, clock } = openTree();
  tree.path(cgroupId(1n)); // the first scan
  const id = make('late');
  clock.now = 999;
  assert.equal(tree.path(id), undefined);
  clock.now = 1000;
  assert.equal(tree.path(id), '/late');
});

test('an id that another cgroup has got names that one', () => {
  const { tree } = openTree();
  tree.learn({ kind: 'seen', id: cgroupId(7n), path: '/former' });
  tree.learn({ kind: 'seen', id: cgroupId(7n), path: '/latter' });
  assert.equal(tree.path(cgroupId(7n)), '/latter');
});

test('beyond the limit the ids learnt first are forgotten', () => {
  const tree = new CgroupTree(undefined, { limit: 2, rescanAfterMs: 0, now: () => 0 });
  for (const id of [1n, 2n, 3n]) tree.learn({ kind: 'seen', id: cgroupId(id), path: `/${id}` });
  assert.deepEqual(
    [1n, 2n, 3n].map((id) => tree.path(cgroupId(id))),
    [undefined, '/2', '/3'],
  );
});

test('a hierarchy that is not there has no names and does no harm', () => {
  rmSync(root, { recursive: true });
  assert.equal(openTree().tree.path(cgroupId(7n)), undefined);
});
