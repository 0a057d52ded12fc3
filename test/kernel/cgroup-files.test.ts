import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DataPoint } from '@opentelemetry/sdk-metrics';
import { pino } from 'pino';
import { readCgroupMounts } from '../../src/kernel/cgroup-mounts.ts';
import { readMountinfo } from '../../src/kernel/cpu-hierarchy.ts';
import { openCgroupFiles } from '../../src/kernel/open-cgroup-files.ts';
import { cgroup as receiver } from '../../src/receivers/cgroup/cgroup.ts';
import { createCounters } from '../../src/telemetry/counters.ts';
import { nanoseconds, seconds, type UnixNanoseconds } from '../../src/telemetry/units.ts';
import { attributes as keys, cgroupMetrics as names } from '../../src/telemetry/vocabulary.ts';
import { noCgroups, noKernel } from '../fake-kernel.ts';
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

/** The kernel's own figures, against what the receiver emits of them. Runs on version 1 and, in a virtual machine, on 2. */

after(removeCgroups);

const files = openCgroupFiles({ version, mountPoint, root: '/' }, readMountinfo());

/** A receiver that sees these cgroups; each call of the function returned is a reading. */
async function openReceiver(cgroups: () => readonly TestCgroup[]) {
  const counters = createCounters();
  const opened = await receiver.open(
    { interval: seconds(1), pressure: true, max_cgroups: 4096, include: [], exclude: [] },
    {
      id: 'cgroup',
      log: pino({ enabled: false }),
      counters,
      signals: new Set(['metrics']),
      kernel: { ...noKernel, cgroupFiles: files, cgroups: { ...noCgroups, living: cgroups } },
      now: () => (BigInt(Date.now()) * 1_000_000n) as UnixNanoseconds,
      elapsed: () => nanoseconds(performance.now() * 1e6),
      share: (open) => open(),
      print: () => assert.fail('nothing to print'),
    },
  );
  return async () => {
    const [batch] = (await opened.pulls[0]?.collect()) ?? [];
    assert.ok(batch?.signal === 'metrics');
    assert.deepEqual(counters.read(), [], 'nothing was missed');
    /** Of the only point of a metric. */
    return (of: TestCgroup, { name }: { readonly name: string }, attributes = {}) => {
      const metrics = batch.resourceMetrics
        .filter(({ resource }) => resource.attributes[keys.cgroupId] === String(of.id))
        .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics));
      const points = (metrics.find(({ descriptor }) => descriptor.name === name)?.dataPoints ??
        []) as DataPoint<number>[];
      return points.find((point) =>
        Object.entries(attributes).every(([key, is]) => point.attributes[key] === is),
      )?.value;
    };
  };
}

const spin = (cgroup: TestCgroup, threads: number) =>
  runIn(cgroup, [program('test/spin'), '1', String(threads)]);

const ns = (value: number | undefined) => Math.round((value ?? Number.NaN) * 1e9);

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

test('what is throttled is exactly what cpu.stat grew by, at the level that holds the quota', async () => {
  // little enough to run out on a machine that has much else to do
  const pod = makeCgroup('pod', { quota: 6 });
  const app = makeCgroup('app', { quota: 4, parent: pod });
  const free = makeCgroup('free', { parent: pod });
  const read = await openReceiver(() => [pod, app, free]);
  await untilStill([pod, app]); // setting a quota starts its timer
  await read();
  const before = [pod, app].map(kernelFigures);
  await Promise.all([spin(app, 2), spin(free, 1)]);
  await untilStill([pod, app]);
  const value = await read();
  for (const [i, cgroup] of [pod, app].entries()) {
    const [from, to] = [before[i], kernelFigures(cgroup)];
    assert.ok(from && to.throttled > from.throttled, `${cgroup.path} was throttled`);
    assert.equal(ns(value(cgroup, names.throttledTime)), to.throttled - from.throttled);
    assert.equal(value(cgroup, names.throttledPeriods), to.throttledPeriods - from.throttledPeriods);
    assert.equal(value(cgroup, names.periods), to.periods - from.periods);
  }
  assert.equal(value(free, names.throttledTime), undefined, 'a quota above is told above');
  if (hasLocalStatistics)
    for (const cgroup of [app, free])
      assert.equal(ns(value(cgroup, names.heldBackTime)), cgroup.throttledLocally(), cgroup.path);
  else assert.equal(value(free, names.heldBackTime), undefined);
  const used = ns(value(app, names.cpuTime));
  assert.ok(Math.abs(used - app.ran()) < 1000, `${used} of ${app.ran()} ns`);
});

test('a cgroup born since the last reading is told whole', async () => {
  const cgroups = [makeCgroup('old', { quota: 50 })];
  const read = await openReceiver(() => cgroups);
  await read();
  const born = makeCgroup('born', { quota: 5 });
  cgroups.push(born);
  await spin(born, 2);
  await untilStill([born]);
  const value = await read();
  assert.equal(ns(value(born, names.throttledTime)), born.throttled());
});

test('limits are told as they were set, and as they are changed', async () => {
  const limited = makeCgroup('limited', { quota: 25, weak: true });
  const read = await openReceiver(() => [limited]);
  let value = await read();
  assert.equal(value(limited, names.cpuLimit), 0.25);
  assert.equal(value(limited, names.cpuPeriod), 0.1);
  assert.equal(value(limited, names.cpuWeight), version === 2 ? 1 : (2 * 100) / 1024);
  if (version === 2) writeFileSync(`${limited.directory}/cpu.max`, '50000 100000');
  else writeFileSync(`${limited.directory}/cpu.cfs_quota_us`, '50000');
  value = await read();
  assert.equal(value(limited, names.cpuLimit), 0.5);
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

test('pressure is what the kernel tells of a cgroup, and nothing where it tells nothing', async () => {
  const plain = makeCgroup('plain', { quota: 20 });
  const { cgroup: crowded, remove } = withPressure(makeCgroup('crowded', { quota: 5 }));
  try {
    const read = await openReceiver(() => [crowded, plain]);
    await read();
    const from = files.pressure(crowded.path, 'cpu');
    await spin(crowded, 2);
    await sleep(100); // the kernel sums up what its CPUs have counted
    const value = await read();
    const some = value(crowded, names.pressureTime, {
      [keys.pressureResource]: 'cpu',
      [keys.pressureKind]: 'some',
    });
    if (version === 1) assert.equal(value(plain, names.pressureTime), undefined);
    if (!files.pressures.includes('cpu')) return assert.equal(some, undefined);
    const to = files.pressure(crowded.path, 'cpu');
    const grown = Number((to?.some ?? 0n) - (from?.some ?? 0n));
    assert.ok(grown > 5e8, `${grown} ns in a second of two threads with a twentieth of a CPU`);
    assert.equal(ns(some), grown);
  } finally {
    remove();
  }
});
