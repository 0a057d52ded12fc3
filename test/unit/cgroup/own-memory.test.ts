import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { ownMemory, readOwnMemory } from '../../../src/cgroup/own-memory.ts';
import { bytes } from '../../../src/telemetry/units.ts';

const directory = mkdtempSync(join(tmpdir(), 'earshot-memory-'));
after(() => rmSync(directory, { recursive: true }));

const machine = bytes(1000);

/** Limits by file, below a mount of its own. */
function mounted(name: string, files: Readonly<Record<string, string>>): string {
  const mountPoint = join(directory, name);
  mkdirSync(mountPoint, { recursive: true });
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(mountPoint, file)), { recursive: true });
    writeFileSync(join(mountPoint, file), `${text}\n`);
  }
  return mountPoint;
}

const v2 = (mountPoint: string, root = '/') => `30 20 0:25 ${root} ${mountPoint} rw - cgroup2 cgroup2 rw\n`;
const v1 = (mountPoint: string, controllers: string) =>
  `31 20 0:26 / ${mountPoint} rw - cgroup cgroup rw,${controllers}\n`;

test('version 2: the least limit of the cgroup and of those above', () => {
  const mountPoint = mounted('v2', {
    'a/memory.max': '500',
    'a/b/memory.max': 'max',
    'a/b/c/memory.max': '700',
  });
  const of = (path: string) => ownMemory({ membership: `0::${path}\n`, mountinfo: v2(mountPoint), machine });
  assert.deepEqual(of('/a/b/c'), { total: 500, of: 'cgroup' });
  assert.deepEqual(of('/elsewhere'), { total: 1000, of: 'machine' });
});

test('version 2: what is mounted is the own cgroup, as in a container', () => {
  const mountPoint = mounted('container', { 'memory.max': '300' });
  assert.deepEqual(ownMemory({ membership: '0::/\n', mountinfo: v2(mountPoint), machine }), {
    ...{ total: 300, of: 'cgroup' },
  });
});

test('version 1: the hierarchy with the memory controller', () => {
  const cpu = mounted('cpu', { 'a/memory.limit_in_bytes': '1' });
  const memory = mounted('memory', {
    'memory.limit_in_bytes': '9223372036854771712',
    'a/memory.limit_in_bytes': '400',
    'a/b/memory.limit_in_bytes': '9223372036854771712',
  });
  const mountinfo = v1(cpu, 'cpu,cpuacct') + v1(memory, 'memory');
  assert.deepEqual(ownMemory({ membership: '5:cpu,cpuacct:/a\n4:memory:/a/b\n', mountinfo, machine }), {
    ...{ total: 400, of: 'cgroup' },
  });
});

test('a limit above the memory of the machine is none', () => {
  const mountPoint = mounted('wide', { 'memory.max': '5000' });
  assert.deepEqual(ownMemory({ membership: '0::/\n', mountinfo: v2(mountPoint), machine }), {
    ...{ total: 1000, of: 'machine' },
  });
});

test('a cgroup that is not below what is mounted has no limit that is known', () => {
  const mountPoint = mounted('host', { 'memory.max': '300' });
  const mountinfo = v2(mountPoint, '/../../..');
  assert.deepEqual(ownMemory({ membership: '0::/\n', mountinfo, machine }), { total: 1000, of: 'machine' });
});

test('this process may take some memory', () => {
  assert.ok(readOwnMemory().total > 2 ** 20);
});
