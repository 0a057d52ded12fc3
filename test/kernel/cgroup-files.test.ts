import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { cpuLimit } from '../../src/cgroup/files/entitlement.ts';
import { openCgroupFiles } from '../../src/cgroup/files/open.ts';
import { readMountinfo } from '../../src/cgroup/hierarchy.ts';
import { readCgroupMounts } from '../../src/cgroup/mounts.ts';
import { CgroupReader, pressureTotal } from '../../src/receivers/cgroup/cgroup-reader.ts';
import { milliseconds, type UnixNanoseconds } from '../../src/telemetry/units.ts';
import {
  hasLocalStatistics,
  makeCgroup,
  mountPoint,
  program,
  removeCgroups,
  runIn,
  type TestCgroup,
  version,
} from './scheduler-fixture.ts';

/** The kernel's own figures, against what the receiver makes of them. Runs on version 1 and, in a virtual machine, on 2. */

after(removeCgroups);

const files = openCgroupFiles({ version, mountPoint, root: '/' }, readMountinfo());

const now = () => (BigInt(Date.now()) * 1_000_000n) as UnixNanoseconds;

/** A reader that sees these cgroups; each call of the function returned is a reading, of which one asks by cgroup. */
function openReader(cgroups: () => readonly TestCgroup[]) {
  const reader = new CgroupReader({
    files,
    pressure: true,
    cpus: cpus().length,
    now,
    miss: (reason) => assert.fail(`something is missing: ${reason}`),
  });
  let began = performance.now();
  return async () => {
    const before = began;
    began = performance.now();
    const readings = await reader.read(cgroups(), {
      listed: new Set(cgroups().map(({ id }) => id)),
      start: now(),
      since: () => milliseconds(performance.now() - before),
    });
    return (of: TestCgroup) => {
      const reading = readings.find(({ cgroup }) => cgroup.id === of.id);
      assert.ok(reading, `${of.path} has no reading`);
      return reading;
    };
  };
}

const spin = (cgroup: TestCgroup, threads: number) =>
  runIn(cgroup, [program('test/spin'), '1', String(threads)]);

/** Of cpu.stat, by the names of either version; times in ns. */
function kernelFigures(of: TestCgroup) {
  const text = readFileSync(`${of.directory}/cpu.stat`, 'utf8');
  const figure = (name: string) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
  return {
    periods: figure('nr_periods'),
    throttledPeriods: figure('nr_throttled'),
    throttled: of.throttled(),
  };
}

/** A quota's timer goes on for some periods when nothing runs any more. */
async function untilStill(cgroups: readonly TestCgroup[]): Promise<void> {
  for (let attempt = 0, last = ''; attempt < 40; attempt++) {
    const now = JSON.stringify(cgroups.map(kernelFigures));
    if (now === last) return;
    last = now;
    await sleep(250);
  }
  assert.fail('cpu.stat still changes 10 s after the load');
}

test('throttled time equals the growth of cpu.stat at the level that holds the quota', async () => {
  // little enough to run out on a machine that has much else to do
  const pod = makeCgroup('held-back', { quota: 6 });
  const app = makeCgroup('app', { quota: 4, parent: pod });
  const free = makeCgroup('free', { parent: pod });
  const read = openReader(() => [pod, app, free]);
  await untilStill([pod, app]); // setting a quota starts its timer
  await read();
  const before = [pod, app].map(kernelFigures);
  // one after the other, so that neither takes from the pod what the other needs to reach a limit
  await spin(app, 2);
  await spin(free, 1);
  await untilStill([pod, app]);
  const of = await read();
  for (const [i, cgroup] of [pod, app].entries()) {
    const [from, to] = [before[i], kernelFigures(cgroup)];
    assert.ok(from && to.throttled > from.throttled, `${cgroup.path} was throttled`);
    for (const name of ['throttled', 'throttledPeriods', 'periods'] as const)
      assert.equal(of(cgroup).growth(name), to[name] - from[name], `${cgroup.path} ${name}`);
  }
  assert.equal(of(free).growth('throttled'), 0, 'a quota above is reported above');
  for (const cgroup of [app, free])
    assert.equal(
      of(cgroup).growth('throttledLocal'),
      hasLocalStatistics ? cgroup.throttledLocally() : undefined,
      cgroup.path,
    );
  const used = of(app).growth('usage') ?? Number.NaN;
  assert.ok(Math.abs(used - app.ran()) < 1000, `${used} of ${app.ran()} ns`);
});

test('a cgroup created since the last reading is counted from zero', async () => {
  const cgroups = [makeCgroup('old', { quota: 50 })];
  const read = openReader(() => cgroups);
  await read();
  const born = makeCgroup('born', { quota: 5 });
  cgroups.push(born);
  await spin(born, 2);
  await untilStill([born]);
  const of = await read();
  assert.equal(of(born).growth('throttled'), born.throttled());
});

test('limits are emitted as set, and again when changed', async () => {
  const limited = makeCgroup('limited', { quota: 25, weak: true });
  const read = openReader(() => [limited]);
  const { entitlement } = (await read())(limited);
  assert.deepEqual(
    [cpuLimit(entitlement), entitlement.quota?.period, entitlement.weight],
    [0.25, 100e6, version === 2 ? 1 : (2 * 100) / 1024],
  );
  if (version === 2) writeFileSync(`${limited.directory}/cpu.max`, '50000 100000');
  else writeFileSync(`${limited.directory}/cpu.cfs_quota_us`, '50000');
  assert.equal(cpuLimit((await read())(limited).entitlement), 0.5);
});

/** Version 1 has none: there the same cgroup is made in the unified hierarchy, as systemd does. */
function withPressure(of: TestCgroup): { readonly cgroup: TestCgroup; remove(): void } {
  const unified = readCgroupMounts(readMountinfo()).find((mount) => mount.version === 2)?.mountPoint;
  if (version === 2 || unified === undefined) return { cgroup: of, remove() {} };
  const directory = join(unified, of.path);
  mkdirSync(directory);
  return {
    cgroup: { ...of, procs: [...of.procs, join(directory, 'cgroup.procs')] },
    remove: () => rmdirSync(directory),
  };
}

test("pressure equals the kernel's file, and is absent without that file", async () => {
  const plain = makeCgroup('plain', { quota: 20 });
  const { cgroup: crowded, remove } = withPressure(makeCgroup('crowded', { quota: 5 }));
  try {
    const read = openReader(() => [crowded, plain]);
    await read();
    const from = files.pressure(crowded.path, 'cpu');
    await spin(crowded, 2);
    await sleep(100); // the kernel sums up what its CPUs have counted
    const of = await read();
    const some = of(crowded).growth(pressureTotal('cpu', 'some'));
    if (version === 1) assert.equal(of(plain).growth(pressureTotal('cpu', 'some')), undefined);
    if (!files.pressures.includes('cpu')) return assert.equal(some, undefined);
    const to = files.pressure(crowded.path, 'cpu');
    const grown = Number((to?.some ?? 0n) - (from?.some ?? 0n));
    assert.ok(grown > 5e8, `${grown} ns in a second of two threads with a twentieth of a CPU`);
    assert.equal(some, grown);
  } finally {
    remove();
  }
});
