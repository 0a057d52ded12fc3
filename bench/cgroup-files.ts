/**
 * How much CPU time does a reading of all cgroups of a large node take?
 *
 *   bench/cgroup-files.ts [cgroups] [readings]    by default 1,500 and 10: 500 pods of three containers
 *
 * Every third cgroup has a quota. Where the unified hierarchy is another, the cgroups are made there too, for pressure.
 */
import { mkdirSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { openCgroupFiles } from '../src/cgroup/files/open.ts';
import { findCpuHierarchy, readMountinfo } from '../src/cgroup/hierarchy.ts';
import { readCgroupMounts } from '../src/cgroup/mounts.ts';
import { CgroupReader } from '../src/receivers/cgroup/cgroup-reader.ts';
import { cgroupId, nanoseconds, type UnixNanoseconds } from '../src/telemetry/units.ts';

const [count = 1500, readings = 10] = process.argv.slice(2).map(Number);
const mountinfo = readMountinfo();
const hierarchy = findCpuHierarchy(mountinfo);
if (!hierarchy) throw new Error('cannot read cgroup files: no hierarchy with the cpu controller is mounted');
const { mountPoint, version } = hierarchy;
const files = openCgroupFiles({ version, mountPoint, root: '/' }, mountinfo);
const controllers = ['cpu', 'cpuacct', 'cpuset'];
const mountPoints = readCgroupMounts(mountinfo)
  .filter((mount) => mount.version === 2 || mount.controllers.some((name) => controllers.includes(name)))
  .map((mount) => mount.mountPoint);

const made: string[] = [];
function make(path: string, hasQuota: boolean) {
  for (const at of mountPoints) {
    mkdirSync(join(at, path));
    made.push(join(at, path));
  }
  const directory = join(mountPoint, path);
  if (hasQuota && version === 2) writeFileSync(join(directory, 'cpu.max'), '50000 100000');
  else if (hasQuota) writeFileSync(join(directory, 'cpu.cfs_quota_us'), '50000');
  return { id: cgroupId(statSync(directory, { bigint: true }).ino), path };
}

try {
  const root = `/earshot-bench-${process.pid}`;
  make(root, false);
  if (version === 2) writeFileSync(join(mountPoint, root, 'cgroup.subtree_control'), '+cpu');
  const cgroups = Array.from({ length: count }, (_, i) => make(`${root}/c${i}`, i % 3 === 0));
  const listed = new Set(cgroups.map(({ id }) => id));
  const since = () => nanoseconds(1e9);
  const now = () => (BigInt(Date.now()) * 1_000_000n) as UnixNanoseconds;
  for (const pressure of [false, true]) {
    const miss = (reason: string) => console.error(`missed: ${reason}`);
    const reader = new CgroupReader({ files, pressure, cpus: cpus().length, now, miss });
    await reader.read(cgroups, { listed, start: now(), since });
    const before = process.memoryUsage.rss();
    const times: number[] = [];
    for (let i = 0; i < readings; i++) {
      const start = process.cpuUsage();
      await reader.read(cgroups, { listed, start: now(), since });
      const { user, system } = process.cpuUsage(start);
      times.push((user + system) / 1000);
    }
    times.sort((a, b) => a - b);
    const [least = 0, median = 0, most = 0] = [0, readings >> 1, readings - 1].map((i) => times[i]);
    const grown = (process.memoryUsage.rss() - before) / 2 ** 20;
    console.log(
      `${count} cgroups, version ${version}, ${pressure ? `pressure of ${files.pressures}` : 'without pressure'}: ` +
        `${least.toFixed(1)} / ${median.toFixed(1)} / ${most.toFixed(1)} ms of CPU a reading (minimum, median, maximum), ` +
        `${((median / count) * 1000).toFixed(0)} µs a cgroup, ${((median / 1e4) * 100).toFixed(2)} % of a CPU each 10 s; ` +
        `RSS ${grown.toFixed(1)} MiB more after ${readings} readings`,
    );
  }
} finally {
  for (const directory of made.reverse()) rmdirSync(directory);
}
