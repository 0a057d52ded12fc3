import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Sight } from '../fixtures/see-cgroups.ts';
import { makeCgroup, mountPoint, removeCgroups, runIn, version } from '../scheduler-fixture.ts';

/** What a process sees of the machine's cgroups that is in a cgroup, mount and cgroup namespace of its own, as a container is. */

const seeCgroups = fileURLToPath(new URL('../fixtures/see-cgroups.ts', import.meta.url));
const root = mkdtempSync(join(tmpdir(), 'earshot-root-'));
/** A container in a pod, and another that is not its own. */
const pod = makeCgroup('pod');
const container = makeCgroup('container', { parent: pod });
const neighbor = makeCgroup('neighbor');
const ids = [container.id, neighbor.id, pod.id].map(String);

after(async () => {
  rmSync(root, { recursive: true });
  await removeCgroups();
});

/** As a container runtime does. */
const mountOwn = `umount -l ${mountPoint}\nmount -t ${version === 2 ? 'cgroup2' : 'cgroup -o cpu'} none ${mountPoint}`;
const hostsMount = join(root, 'sys/fs/cgroup');
mkdirSync(hostsMount, { recursive: true });

/** `mounts` are made inside; the process makes a cgroup in `directory`. */
async function seeFromInside(
  mounts: string,
  { rootPath = '/', directory = mountPoint, namespaces = '--cgroup --mount' } = {},
): Promise<Sight> {
  const see = [process.execPath, seeCgroups, rootPath, directory, ...ids];
  const inside = ['sh', '-ec', `${mounts}\nexec "$@"`, 'sh', ...see];
  const enter = ['unshare', ...namespaces.split(' '), ...inside];
  return JSON.parse(await runIn(container, enter));
}

test("host hierarchy mounted read-only at another path: all cgroup paths are the host's", async () => {
  const mounts = [
    `mount --bind ${mountPoint} ${hostsMount}`,
    `mount -o remount,bind,ro ${hostsMount}`,
    mountOwn,
  ].join('\n');
  for (const rootPath of [root, '/']) {
    const sight = await seeFromInside(mounts, { rootPath });
    assert.deepEqual([sight.mountPoint, sight.root], [hostsMount, '/']);
    assert.equal(sight.missing, undefined);
    assert.deepEqual(sight.paths, [container.path, neighbor.path, pod.path]);
    assert.equal(sight.own, String(container.id), 'by its own mount');
    assert.equal(sight.made, `${container.path}/made-inside`);
  }
});

test("private cgroup namespace: cgroup paths are the host's or missing, and the log names the remedy", async () => {
  const sight = await seeFromInside(mountOwn);
  assert.deepEqual([sight.mountPoint, sight.root], [mountPoint, undefined]);
  assert.deepEqual(sight.paths, [null, null, null], 'what is its root is not called `/`');
  assert.match(sight.missing ?? '', /shows only a part.*mount the host's \/sys\/fs\/cgroup/);
  assert.equal(sight.own, String(container.id));
  assert.equal(sight.made, `${container.path}/made-inside`, 'events have the whole path');
});

test("host cgroup namespace with a partial mount: that part has the host's paths", async () => {
  const sight = await seeFromInside(`mount --bind ${container.directory} ${mountPoint}`, {
    namespaces: '--mount',
  });
  assert.deepEqual([sight.mountPoint, sight.root], [mountPoint, container.path]);
  assert.deepEqual(sight.paths, [container.path, null, null]);
  assert.match(sight.missing ?? '', new RegExp(`only a part of all cgroups, ${container.path}:`));
  assert.equal(sight.made, `${container.path}/made-inside`);
});

test("private cgroup namespace with the host's mounts: no path is missing", async () => {
  const sight = await seeFromInside('true', { directory: container.directory, namespaces: '--cgroup' });
  assert.deepEqual([sight.mountPoint, sight.root], [mountPoint, '/']);
  assert.deepEqual(sight.paths, [container.path, neighbor.path, pod.path]);
  assert.equal(sight.made, `${container.path}/made-inside`);
});
