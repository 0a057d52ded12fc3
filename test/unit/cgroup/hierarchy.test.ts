import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findCpuHierarchy, missingFrom, type View } from '../../../src/cgroup/hierarchy.ts';

const v2 = '31 24 0:27 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate';
const v1 = [
  '33 32 0:29 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd',
  '34 32 0:30 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset',
  '35 32 0:31 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct',
].join('\n');

/** The directories that are the root of a hierarchy are those given. */
const seen = (roots: readonly string[], of: Partial<View> = {}): View => ({
  rootPath: '/',
  isInitialNamespace: true,
  isHierarchyRoot: (directory) => roots.includes(directory),
  ...of,
});
const whole = (mountPoint: string, version = 2) => ({ version, mountPoint, root: '/' });

const hierarchies = [
  { title: 'version 2', text: v2, found: whole('/sys/fs/cgroup') },
  { title: 'version 1', text: v1, found: whole('/sys/fs/cgroup/cpu,cpuacct', 1) },
  {
    title: 'version 1 beside an empty version 2',
    text: `${v2.replace('/sys/fs/cgroup ', '/sys/fs/cgroup/unified ')}\n${v1}`,
    found: whole('/sys/fs/cgroup/cpu,cpuacct', 1),
  },
  {
    title: 'a mount point with a blank',
    text: v2.replace('/sys/fs/cgroup ', '/mnt/my\\040cgroups '),
    found: whole('/mnt/my cgroups'),
  },
];
for (const { title, text, found } of hierarchies)
  test(`the cpu hierarchy is found: ${title}`, () => {
    const { mounts, ...hierarchy } = findCpuHierarchy(text, seen([found.mountPoint])) ?? {};
    assert.deepEqual(hierarchy, found);
    assert.deepEqual(
      mounts?.map(({ controllers, ...mount }) => mount),
      [found],
      'and no mount that has nothing to do with it',
    );
    assert.equal(missingFrom(findCpuHierarchy(text, seen([found.mountPoint]))), undefined);
  });

test('a missing cpu hierarchy is reported with the remedy', () => {
  const hierarchy = findCpuHierarchy('24 1 8:1 / / rw - ext4 /dev/sda1 rw\n', seen([]));
  assert.equal(hierarchy, undefined);
  assert.match(
    missingFrom(hierarchy) ?? '',
    /no cgroup hierarchy is mounted here.*\/host\/sys\/fs\/cgroup:ro/,
  );
});

/** In a cgroup namespace three levels down, which has its own mount where the host has its. */
const ownMount = '31 24 0:27 / /sys/fs/cgroup ro - cgroup2 cgroup rw';
const hostMount = '55 24 0:27 /../../.. /host/sys/fs/cgroup ro - cgroup2 cgroup2 rw';
const inContainer = (...lines: readonly string[]) => lines.join('\n');

test("in a container the host's mount is chosen, at any path and in any order", () => {
  for (const text of [inContainer(ownMount, hostMount), inContainer(hostMount, ownMount)]) {
    const view = seen(['/host/sys/fs/cgroup'], { isInitialNamespace: false });
    const hierarchy = findCpuHierarchy(text, view);
    assert.equal(hierarchy?.mountPoint, '/host/sys/fs/cgroup');
    assert.equal(hierarchy.root, '/', 'paths are those of the host');
    assert.equal(hierarchy.mounts.length, 2);
  }
});

test('of two mounts of the whole, the one below root_path is chosen', () => {
  const text = inContainer(v2, hostMount.replace('/../../..', '/'));
  const roots = ['/sys/fs/cgroup', '/host/sys/fs/cgroup'];
  assert.equal(findCpuHierarchy(text, seen(roots))?.mountPoint, '/sys/fs/cgroup');
  const view = seen(roots, { rootPath: '/host' });
  assert.equal(findCpuHierarchy(text, view)?.mountPoint, '/host/sys/fs/cgroup');
  const deceptive = seen(roots, { rootPath: '/host/sys/fs/cg' });
  assert.equal(
    findCpuHierarchy(text, deceptive)?.mountPoint,
    '/sys/fs/cgroup',
    'a part of a name is no directory',
  );
});

test('a mount hidden by a later one is ignored', () => {
  const hidden = '77 24 0:99 / /sys/fs/cgroup rw - tmpfs tmpfs rw';
  assert.equal(findCpuHierarchy(inContainer(v2, hidden), seen([])), undefined);
});

test("a partial mount has host paths only in the host's cgroup namespace, and the rest is missing", () => {
  const part = '31 24 0:27 /docker/4f2a /sys/fs/cgroup ro - cgroup2 cgroup rw';
  const known = findCpuHierarchy(part, seen([]));
  assert.equal(known?.root, '/docker/4f2a');
  assert.match(
    missingFrom(known) ?? '',
    /^\/sys\/fs\/cgroup shows only a part of all cgroups, \/docker\/4f2a: /,
  );

  const unknown = findCpuHierarchy(ownMount, seen([], { isInitialNamespace: false }));
  assert.deepEqual([unknown?.mountPoint, unknown?.root], ['/sys/fs/cgroup', undefined]);
  assert.match(missingFrom(unknown) ?? '', /the part of this process's cgroup namespace.*read-only/);
});

test('of several parts the one nearest to the root is chosen, one without a path last', () => {
  const parts = ['/a/b', '/a', '/a/b/c'].map(
    (root) => `31 24 0:27 ${root} /mnt${root} ro - cgroup2 cgroup rw`,
  );
  assert.equal(findCpuHierarchy(parts.join('\n'), seen([]))?.mountPoint, '/mnt/a');
});
