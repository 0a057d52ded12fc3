import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import type { CgroupFiles } from '../../../../src/cgroup/files/files.ts';
import { openCgroupFiles } from '../../../../src/cgroup/files/open.ts';

/**
 * Trees of files as the kernel shows them. Names and formats: Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/,
 * scheduler/sched-bwc.rst and accounting/psi.rst; those of version 1 were also compared with a machine of Linux 6.18.
 */
let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'earshot-files-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

type Tree = Readonly<Record<string, string>>;

function write(tree: Tree): void {
  for (const [file, text] of Object.entries(tree)) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  }
}

const below = (directory: string, tree: Tree): Tree =>
  Object.fromEntries(Object.entries(tree).map(([file, text]) => [`${directory}/${file}`, text]));

const psi = (some: number, full: number) =>
  `some avg10=0.12 avg60=1.00 avg300=0.50 total=${some}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=${full}\n`;
const irqPsi = (full: number) => `full avg10=0.00 avg60=0.00 avg300=0.00 total=${full}\n`;

const version2Root: Tree = {
  'cgroup.controllers': 'cpuset cpu io memory pids\n',
  'cgroup.procs': '1\n2\n',
  'cpu.stat': 'usage_usec 900\nuser_usec 500\nsystem_usec 400\n',
  'cpuset.cpus.effective': '0-7\n',
  'cpu.pressure': psi(70, 0),
  'memory.pressure': psi(5, 4),
  'io.pressure': psi(3, 2),
  'irq.pressure': irqPsi(9),
};
const version2Container: Tree = {
  'cgroup.procs': '4711\n',
  'cpu.weight': '39\n',
  'cpu.max': '50000 100000\n',
  'cpu.max.burst': '20000\n',
  'cpu.stat':
    'usage_usec 800\nuser_usec 500\nsystem_usec 300\nnr_periods 10\nnr_throttled 4\nthrottled_usec 1234\nnr_bursts 1\nburst_usec 50\n',
  'cpu.stat.local': 'throttled_usec 2345\n',
  'cpuset.cpus.effective': '0-3,6\n',
  'cpu.pressure': psi(40, 10),
  'memory.pressure': psi(0, 0),
  'io.pressure': psi(1, 1),
  'irq.pressure': irqPsi(2),
};

function openVersion2(tree: Tree, options = { root: '/' }): CgroupFiles {
  write(tree);
  const mountinfo = `31 24 0:27 ${options.root} ${root} rw - cgroup2 cgroup2 rw\n`;
  return openCgroupFiles({ version: 2, mountPoint: root, root: options.root }, mountinfo);
}

test('version 2: all files of a container', () => {
  const files = openVersion2({ ...version2Root, ...below('pod/app', version2Container) });
  assert.deepEqual(files.pressures, ['cpu', 'memory', 'io', 'irq']);
  assert.deepEqual(files.cpu('/pod/app'), {
    weight: 39,
    quota: { quota: 50_000_000, period: 100_000_000, burst: 20_000_000 },
    cpuset: '0-3,6',
  });
  assert.deepEqual(files.cpuStatistics('/pod/app'), {
    periods: 10,
    throttledPeriods: 4,
    throttled: 1_234_000n,
    usage: 800_000n,
    bursts: 1,
    burst: 50_000n,
  });
  assert.equal(files.throttledLocally('/pod/app'), 2_345_000n);
  assert.deepEqual(files.pressure('/pod/app', 'cpu'), { some: 40_000n, full: 10_000n });
  assert.deepEqual(files.pressure('/pod/app', 'irq'), { full: 2_000n });
  assert.equal(files.hasProcesses('/pod/app'), true);
});

test('files of cgroups whose names are no UTF-8 are not mixed up', () => {
  const files = openVersion2(version2Root);
  for (const [name, shares] of [
    [0xff, '10'],
    [0xfe, '20'],
  ] as const) {
    const directory = Buffer.concat([Buffer.from(`${root}/`), Buffer.of(name)]);
    mkdirSync(directory);
    writeFileSync(Buffer.concat([directory, Buffer.from('/cpu.weight')]), shares);
  }
  assert.deepEqual(files.cpu('/\\377'), { weight: 10 });
  assert.deepEqual(files.cpu('/\\376'), { weight: 20 });
  assert.equal(files.cpu('/\ufffd'), undefined);
});

test('version 2: the root, which has no limits, and a cgroup without the cpu controller', () => {
  const files = openVersion2({
    ...version2Root,
    'plain/cpu.stat': 'usage_usec 5\n',
    'plain/cgroup.procs': '',
  });
  assert.deepEqual(files.cpu('/'), { cpuset: '0-7' });
  assert.equal(files.cpuStatistics('/')?.usage, 900_000n);
  assert.equal(files.throttledLocally('/'), undefined);
  assert.deepEqual(files.cpu('/plain'), {});
  assert.deepEqual(files.cpuStatistics('/plain')?.periods, 0);
  assert.equal(files.hasProcesses('/plain'), false);
});

test('version 2: no quota, and an idle group', () => {
  const files = openVersion2({
    ...version2Root,
    ...below('free', { 'cpu.weight': '100\n', 'cpu.max': 'max 100000\n', 'cpu.max.burst': '0\n' }),
    ...below('idle', { 'cpu.weight': '0\n', 'cpu.idle': '1\n', 'cpu.max': 'max 100000\n' }),
  });
  assert.deepEqual(files.cpu('/free'), { weight: 100 });
  assert.deepEqual(files.cpu('/idle'), { weight: (3 * 100) / 1024, isIdle: true });
});

test('version 2 of an older kernel: neither burst, nor pressure of interrupts, nor cpu.stat.local', () => {
  const { 'irq.pressure': _, ...older } = version2Root;
  const files = openVersion2({
    ...older,
    ...below('app', { 'cpu.weight': '100\n', 'cpu.max': '10000 100000\n', 'cpu.stat': 'usage_usec 5\n' }),
    ...below('app', { 'cpu.pressure': 'some avg10=0.00 avg60=0.00 avg300=0.00 total=7\n' }),
  });
  assert.deepEqual(files.pressures, ['cpu', 'memory', 'io']);
  assert.equal(files.cpu('/app')?.quota?.burst, 0);
  assert.equal(files.throttledLocally('/app'), undefined);
  assert.equal(files.pressure('/app', 'irq'), undefined);
  assert.deepEqual(files.pressure('/app', 'cpu'), { some: 7_000n });
});

const limited: Tree = { 'cpu.weight': '100\n', 'cpu.max': '10000 100000\n' };
const many = Array.from({ length: 30 }, (_, i) => `c${i}`);

test('a file missing in the first cgroups is not read in the others', () => {
  const files = openVersion2(Object.assign({}, version2Root, ...many.map((name) => below(name, limited))));
  for (const name of many) assert.equal(files.cpu(`/${name}`)?.quota?.burst, 0);
  write({ 'c0/cpu.max.burst': '5000\n' });
  assert.equal(files.cpu('/c0')?.quota?.burst, 0);
});

test('files missing in cgroups under removal are not taken as missing in the kernel', () => {
  const bursting = { ...limited, 'cpu.max.burst': '5000\n' };
  const files = openVersion2(
    Object.assign({}, version2Root, below('app', bursting), ...many.map((name) => below(name, limited))),
  );
  for (const name of many) {
    assert.equal(files.cpu(`/${name}`)?.quota?.burst, 0);
    assert.equal(files.cpu('/app')?.quota?.burst, 5_000_000);
  }
});

test('files missing in a removed cgroup are not taken as missing in the kernel', () => {
  const files = openVersion2({ ...version2Root, ...below('app', version2Container) });
  assert.equal(files.cpu('/gone'), undefined);
  assert.equal(files.cpuStatistics('/gone'), undefined);
  assert.equal(files.throttledLocally('/gone'), undefined);
  assert.equal(files.pressure('/gone', 'cpu'), undefined);
  assert.equal(files.hasProcesses('/gone'), false);
  assert.equal(files.throttledLocally('/app'), 2_345_000n);
});

test('disabled pressure, at boot or for one cgroup, is absent', () => {
  const files = openVersion2({ 'cpu.stat': 'usage_usec 5\n', ...below('app', version2Container) });
  assert.deepEqual(files.pressures, []);
  assert.equal(files.pressure('/app', 'cpu'), undefined);
  rmSync(root, { recursive: true });
  const { 'cpu.pressure': _, ...without } = version2Container;
  assert.equal(
    openVersion2({ ...version2Root, ...below('app', without) }).pressure('/app', 'cpu'),
    undefined,
  );
});

test('partial mount: paths are still those of the whole hierarchy', () => {
  const files = openVersion2({ ...version2Root, ...below('app', version2Container) }, { root: '/pods/x' });
  assert.equal(files.cpu('/pods/x/app')?.weight, 39);
  assert.deepEqual(files.cpu('/pods/x'), { cpuset: '0-7' });
  for (const path of ['/', '/app', '/pods', '/pods/xy']) assert.equal(files.cpu(path), undefined, path);
});

test('invalid text is an error that names file and text', () => {
  const files = openVersion2({ ...version2Root, ...below('app', { 'cpu.weight': 'heavy\n' }) });
  assert.throws(
    () => files.cpu('/app'),
    (error: NodeJS.ErrnoException) =>
      error.code === 'MALFORMED' &&
      error.message === `cannot read ${root}/app/cpu.weight: "heavy\\n" is not its format`,
  );
});

test("any other failure to read a file is an error with the system's code", () => {
  const files = openVersion2({ ...version2Root, 'app/cpu.stat/is-a-directory': '' });
  assert.throws(() => files.cpuStatistics('/app'), { code: 'EISDIR' });
});

const version1: Tree = {
  ...below('cpu/app', {
    'cgroup.procs': '',
    'cpu.shares': '256\n',
    'cpu.cfs_quota_us': '25000\n',
    'cpu.cfs_period_us': '100000\n',
    'cpu.cfs_burst_us': '5000\n',
    'cpu.idle': '0\n',
    'cpu.stat': 'nr_periods 3\nnr_throttled 2\nthrottled_time 76543210\nnr_bursts 0\nburst_time 0\n',
    'cpu.stat.local': 'throttled_time 80000000\n',
  }),
  'cpuacct/app/cpuacct.usage': '123456789\n',
  'cpuset/app/cpuset.effective_cpus': '0-1\n',
  'cpuset/app/cpuset.cpus': '\n',
  ...below('unified', { 'cpu.pressure': psi(1, 0), 'memory.pressure': psi(1, 0), 'io.pressure': psi(1, 0) }),
};

const mount1 = (at: string, controllers: string, of = '/') =>
  `33 32 0:29 ${of} ${root}/${at} rw - cgroup cgroup rw,${controllers}`;
const mount2 = (at: string) => `41 31 0:38 / ${root}/${at} rw - cgroup2 cgroup2 rw`;

function openVersion1(tree: Tree, mounts: readonly string[]): CgroupFiles {
  write(tree);
  return openCgroupFiles({ version: 1, mountPoint: join(root, 'cpu'), root: '/' }, mounts.join('\n'));
}
const allMounts = () => [
  mount1('cpu', 'cpu'),
  mount1('cpuacct', 'cpuacct'),
  mount1('cpuset', 'cpuset'),
  mount2('unified'),
];

test('version 1: each controller in a hierarchy of its own', () => {
  const files = openVersion1(version1, allMounts());
  assert.deepEqual(files.cpu('/app'), {
    weight: 25,
    shares: 256,
    quota: { quota: 25_000_000, period: 100_000_000, burst: 5_000_000 },
    cpuset: '0-1',
  });
  assert.deepEqual(files.cpuStatistics('/app'), {
    periods: 3,
    throttledPeriods: 2,
    throttled: 76_543_210n,
    usage: 123_456_789n,
    bursts: 0,
    burst: 0n,
  });
  assert.equal(files.throttledLocally('/app'), 80_000_000n);
  assert.equal(files.hasProcesses('/app'), false);
});

test('version 1 alone: values of unmounted controllers are absent', () => {
  const files = openVersion1(version1, [mount1('cpu', 'cpu')]);
  assert.equal(files.cpu('/app')?.cpuset, undefined);
  assert.equal(files.cpuStatistics('/app')?.usage, undefined);
  assert.deepEqual(files.pressures, []);
  assert.equal(files.pressure('/app', 'cpu'), undefined);
});

test('hybrid: pressure where the unified hierarchy has the same cgroup', () => {
  const files = openVersion1({ ...version1, 'unified/unit/cpu.pressure': psi(8, 6) }, allMounts());
  assert.deepEqual(files.pressures, ['cpu', 'memory', 'io']);
  assert.equal(files.pressure('/app', 'cpu'), undefined);
  assert.deepEqual(files.pressure('/unit', 'cpu'), { some: 8_000n, full: 6_000n });
});

test('version 1: several controllers in one hierarchy, as systemd mounts them', () => {
  write({
    'cpu/app/cpu.shares': '1024\n',
    'cpu/app/cpu.cfs_quota_us': '-1\n',
    'cpu/app/cpuacct.usage': '17\n',
  });
  const files = openVersion1({ 'cpu/app/cpu.stat': 'nr_periods 0\n' }, [mount1('cpu', 'cpu,cpuacct')]);
  assert.deepEqual(files.cpu('/app'), { weight: 100, shares: 1024 });
  assert.equal(files.cpuStatistics('/app')?.usage, 17n);
});

test('version 1: in a container the hierarchies of the host, not those of the container', () => {
  const own = [mount1('own/cpuset', 'cpuset', '/docker/x'), mount1('elsewhere/cpuset', 'cpuset')];
  write({ 'elsewhere/cpuset/app/cpuset.effective_cpus': '5\n' });
  const files = openVersion1(version1, [...own, ...allMounts()]);
  assert.equal(files.cpu('/app')?.cpuset, '0-1');
  assert.equal(openVersion1(version1, [...own, mount1('cpu', 'cpu')]).cpu('/app')?.cpuset, '5');
});

test('version 1: the minimal shares of an idle group are distinguished from configured ones', () => {
  const shares = (idle: string) => ({ 'cpu.shares': '3\n', 'cpu.idle': idle });
  const files = openVersion1(
    { ...below('cpu/a', shares('1\n')), ...below('cpu/b', shares('0\n')) },
    allMounts(),
  );
  assert.equal(files.cpu('/a')?.isIdle, true);
  assert.equal(files.cpu('/b')?.isIdle, undefined);
});

test('the weight alone: as in all limits, `none` without the cpu controller, unknown of what is not there', () => {
  const version2 = openVersion2({
    ...version2Root,
    ...below('pod/app', version2Container),
    ...below('idle', { 'cpu.weight': '0\n', 'cpu.idle': '1\n' }),
    ...below('plain', { 'cgroup.procs': '' }),
  });
  const paths = ['/pod/app', '/idle', '/plain', '/', '/gone'];
  assert.deepEqual(
    paths.map((path) => version2.weight(path)),
    [39, (3 * 100) / 1024, 'none', 'none', undefined],
  );
  const files = openVersion1(version1, allMounts());
  assert.deepEqual(
    ['/app', '/gone'].map((path) => files.weight(path)),
    [25, undefined],
  );
});
