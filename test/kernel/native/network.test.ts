import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmdirSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(import.meta.resolve('../fixtures/network-links.ts'));

test('cgroup, socket, tcx, XDP and classic tracepoint run exactly while attached', (context) => {
  const root = existsSync('/sys/fs/cgroup/unified') ? '/sys/fs/cgroup/unified' : '/sys/fs/cgroup';
  const cgroup = `${root}/earshot-links-${process.pid}`;
  mkdirSync(cgroup);
  context.after(() => rmdirSync(cgroup));
  const child = spawnSync('unshare', ['--mount', '--net', process.execPath, script, cgroup], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  assert.equal(child.status, 0, child.stderr);
  assert.deepEqual(JSON.parse(child.stdout), [
    ['on_cgroup_egress', 'cgroup', 5, 5],
    ['on_sockops', 'cgroup', 3, 3],
    ['on_socket', 'socket', 5, 5],
    ['on_tcx', 'tcx', 5, 5],
    ['on_tcx', 'tcx', 5, 5],
    ['on_xdp', 'xdp', 5, 5],
    ['on_tracepoint', 'tracepoint', 5, 5],
  ]);
});
