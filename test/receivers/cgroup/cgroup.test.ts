import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DataPoint } from '@opentelemetry/sdk-metrics';
import fc from 'fast-check';
import {
  type CgroupFiles,
  type CpuEntitlement,
  type CpuStatistics,
  type Pressure,
  type PressureResource,
  pressureResources,
} from '../../../src/kernel/cgroup-files.ts';
import { cgroup as receiver } from '../../../src/receivers/cgroup/cgroup.ts';
import { hrTime } from '../../../src/telemetry/build.ts';
import {
  cgroupId,
  milliseconds,
  nanoseconds,
  seconds,
  type UnixNanoseconds,
} from '../../../src/telemetry/units.ts';
import {
  counterNames,
  attributes as keys,
  cgroupMetrics as names,
} from '../../../src/telemetry/vocabulary.ts';
import { fakeHost } from '../../exporters/fake-host.ts';
import { noCgroups } from '../../fake-kernel.ts';

/** What the files of one cgroup say; a function throws, as a file that cannot be read does. */
interface FakeCgroup {
  entitlement?: CpuEntitlement;
  statistics?: CpuStatistics | (() => never);
  heldBack?: bigint;
  pressures?: Partial<Record<PressureResource, Pressure>>;
  hasProcesses?: boolean;
  /** Listed, and removed before it is read. */
  isGone?: true;
}

const still: CpuStatistics = { periods: 0, throttledPeriods: 0, throttled: 0n, usage: 0n };
const quota = { quota: milliseconds(20), period: milliseconds(100), burst: nanoseconds(0) };
const pod = '/kubepods/burstable/pod0a1b2c3d-0000-4000-8000-000000000001';
const container = `${pod}/${'0123456789abcdef'.repeat(4)}`;

const settings = {
  interval: seconds(10),
  pressure: true,
  max_cgroups: 4096,
  include: [] as string[],
  exclude: [] as string[],
};

async function setUp(cgroups: Record<string, FakeCgroup>, own: Partial<typeof settings> = {}) {
  const { host, logged } = fakeHost('cgroup');
  const clock = { now: 1_700_000_000_000_000_000n, elapsed: 0 };
  const asked: string[] = [];
  const ids = new Map<string, bigint>();
  const idOf = (path: string) => {
    const id = ids.get(path) ?? BigInt(ids.size + 1);
    ids.set(path, id);
    return cgroupId(id);
  };
  const of = (path: string) => {
    const found = cgroups[path];
    return found?.isGone ? undefined : found;
  };
  const files: CgroupFiles = {
    version: 2,
    pressures: pressureResources,
    cpu: (path) => of(path) && (of(path)?.entitlement ?? {}),
    cpuStatistics(path) {
      const statistics = of(path)?.statistics;
      return typeof statistics === 'function' ? statistics() : statistics;
    },
    throttledLocally(path) {
      asked.push(`${path} held back`);
      return of(path)?.heldBack;
    },
    pressure(path, resource) {
      asked.push(`${path} ${resource}`);
      return of(path)?.pressures?.[resource];
    },
    hasProcesses: (path) => of(path)?.hasProcesses ?? false,
  };
  const opened = await receiver.open(
    { ...settings, ...own },
    {
      ...host,
      now: () => clock.now as UnixNanoseconds,
      elapsed: () => nanoseconds(clock.elapsed),
      kernel: {
        cgroups: {
          ...noCgroups,
          living: () => Object.keys(cgroups).map((path) => ({ id: idOf(path), path })),
        },
        cgroupFiles: files,
        openScheduler: () => assert.fail('it needs no eBPF'),
      },
    },
  );
  /** After an interval: attributes of points and values, by metric, by path. */
  const read = async () => {
    clock.now += 10_000_000_000n;
    clock.elapsed += 10e9;
    const [batch, ...others] = (await opened.pulls[0]?.collect()) ?? [];
    assert.deepEqual(others, []);
    assert.ok(batch?.signal !== 'logs');
    return new Map(
      (batch?.resourceMetrics ?? []).map(({ resource, scopeMetrics }) => {
        const path = [...ids].find(([, id]) => String(id) === resource.attributes[keys.cgroupId])?.[0];
        const metrics = scopeMetrics.flatMap((scope) => scope.metrics);
        return [path ?? '?', new Map(metrics.map((metric) => [metric.descriptor.name, metric]))];
      }),
    );
  };
  const rename = (from: string, to: string) => {
    ids.set(to, idOf(from));
    ids.delete(from);
  };
  return { read, rename, counters: host.counters, logged, asked, clock };
}

type Read = Awaited<ReturnType<Awaited<ReturnType<typeof setUp>>['read']>>;

const points = (read: Read, path: string, { name }: { readonly name: string }) =>
  ((read.get(path)?.get(name)?.dataPoints ?? []) as DataPoint<number>[]).map(({ value, attributes }) => [
    value,
    attributes,
  ]);
const value = (read: Read, path: string, metric: { readonly name: string }) =>
  points(read, path, metric)[0]?.[0];

const dropped = ({ counters }: Awaited<ReturnType<typeof setUp>>) =>
  Object.fromEntries(
    counters
      .read()
      .filter(({ name }) => name === counterNames.cgroupReadingsDropped)
      .map(({ attributes, value: count }) => [attributes.reason, count]),
  );

test('totals of before the first reading are nobody’s; limits are told at once', async () => {
  const { read } = await setUp({
    [container]: {
      entitlement: { weight: 10, quota: { ...quota, burst: milliseconds(5) }, cpuset: '0-2' },
      statistics: { periods: 9, throttledPeriods: 8, throttled: 7_000_000n, usage: 6n },
      pressures: { cpu: { some: 5n } },
    },
  });
  const found = await read();
  assert.deepEqual(
    [...(found.get(container)?.values() ?? [])].map(({ descriptor, dataPoints }) => [
      descriptor.name,
      dataPoints[0]?.value,
    ]),
    [
      [names.cpuLimit.name, 0.2],
      [names.cpuPeriod.name, 0.1],
      [names.cpuBurst.name, 0.005],
      [names.cpuWeight.name, 10],
      [names.cpuCount.name, 3],
    ],
  );
});

test('then what they grew by, with the level of the quota, over the interval between', async () => {
  const app: FakeCgroup = {
    entitlement: { quota },
    statistics: still,
    heldBack: 0n,
    pressures: { cpu: { some: 0n, full: 0n } },
  };
  const { read, clock } = await setUp({ [container]: app });
  await read();
  const before = clock.now;
  app.statistics = { periods: 100, throttledPeriods: 40, throttled: 2_500_000_000n, usage: 1_500_000_000n };
  app.heldBack = 3_000_000_000n;
  app.pressures = { cpu: { some: 4_000_000_000n, full: 500_000_000n } };
  const found = await read();
  const level = { [keys.quotaLevel]: 'container' };
  const kind = (of: string) => ({ [keys.pressureResource]: 'cpu', [keys.pressureKind]: of });
  assert.deepEqual(points(found, container, names.throttledTime), [[2.5, level]]);
  assert.deepEqual(points(found, container, names.throttledPeriods), [[40, level]]);
  assert.deepEqual(points(found, container, names.periods), [[100, level]]);
  assert.deepEqual(points(found, container, names.heldBackTime), [[3, {}]]);
  assert.deepEqual(points(found, container, names.cpuTime), [[1.5, {}]]);
  assert.deepEqual(points(found, container, names.pressureTime), [
    [4, kind('some')],
    [0.5, kind('full')],
  ]);
  const [point] = found.get(container)?.get(names.throttledTime.name)?.dataPoints ?? [];
  assert.deepEqual(point?.startTime, hrTime(before as UnixNanoseconds));
  assert.deepEqual(point?.endTime, hrTime(clock.now as UnixNanoseconds));
});

test('a quota that never ran out says so: zeros, not nothing', async () => {
  const { read } = await setUp({ [container]: { entitlement: { quota }, statistics: still } });
  await read();
  const found = await read();
  for (const metric of [names.throttledTime, names.throttledPeriods, names.periods])
    assert.equal(value(found, container, metric), 0, metric.name);
});

test('each level’s throttling is told on its own resource alone', async () => {
  const [outer, inner]: [FakeCgroup, FakeCgroup] = [
    { entitlement: { quota }, statistics: still, heldBack: 0n },
    { entitlement: { weight: 100 }, statistics: still, heldBack: 0n },
  ];
  const { read } = await setUp({
    '/batch.slice': outer,
    '/batch.slice/job.service': inner,
    '/free.slice': { entitlement: {}, statistics: still, hasProcesses: true },
  });
  await read();
  await read();
  outer.statistics = { ...still, periods: 100, throttledPeriods: 50, throttled: 1_000_000_000n };
  inner.heldBack = 900_000_000n;
  const found = await read();
  assert.deepEqual(points(found, '/batch.slice', names.throttledTime), [[1, { [keys.quotaLevel]: 'slice' }]]);
  assert.deepEqual(points(found, '/batch.slice/job.service', names.throttledTime), []);
  assert.deepEqual(points(found, '/batch.slice/job.service', names.heldBackTime), [[0.9, {}]]);
});

test('who was held back by a quota above is asked only where there is one above', async () => {
  const { read, asked } = await setUp({
    '/a': { entitlement: { quota }, statistics: still },
    '/a/b/c': { statistics: still, hasProcesses: true },
    '/ab': { statistics: still, hasProcesses: true },
  });
  await read();
  assert.deepEqual(
    asked.filter((what) => what.endsWith('held back')),
    ['/a held back', '/a/b/c held back'],
  );
});

test('a cgroup born since the last reading counts from 0', async () => {
  const cgroups: Record<string, FakeCgroup> = { '/old': { statistics: still } };
  const { read } = await setUp(cgroups);
  await read();
  cgroups['/new'] = { entitlement: { quota }, statistics: { ...still, throttled: 2_000_000_000n } };
  assert.equal(value(await read(), '/new', names.throttledTime), 2);
});

test('one that says more than can have happened since was there before and counts from now', async () => {
  const cgroups: Record<string, FakeCgroup> = { '/old': { statistics: still } };
  const { read } = await setUp(cgroups);
  await read();
  cgroups['/found'] = { entitlement: { quota }, statistics: { ...still, usage: 10n ** 18n } };
  const found = await read();
  assert.ok(found.has('/found'));
  assert.equal(value(found, '/found', names.throttledTime), undefined);
  cgroups['/found'].statistics = { ...still, usage: 10n ** 18n + 1_000_000_000n };
  assert.equal(value(await read(), '/found', names.cpuTime), 1);
});

test('one that was left out for want of room before counts from the reading on which it is read', async () => {
  const cgroups: Record<string, FakeCgroup> = {};
  for (let i = 0; i < 17; i++) cgroups[`/c${i}`] = { entitlement: { quota }, statistics: still };
  const set = await setUp(cgroups, { max_cgroups: 16 });
  assert.equal((await set.read()).size, 16);
  assert.deepEqual(dropped(set), { max_cgroups: 1 });
  delete cgroups['/c0'];
  cgroups['/c16'] = { entitlement: { quota }, statistics: { ...still, throttled: 1_000_000_000n } };
  const found = await set.read();
  assert.ok(found.has('/c16'));
  assert.equal(value(found, '/c16', names.throttledTime), undefined);
  assert.deepEqual(dropped(set), { max_cgroups: 1 });
});

test('limits that are changed are told after six readings at the latest, each cgroup’s at another one', async () => {
  const all = Array.from({ length: 12 }, (_, i): [string, FakeCgroup] => [
    `/c${i}`,
    { entitlement: { quota, weight: 100 }, statistics: still },
  ]);
  const { read } = await setUp(Object.fromEntries(all));
  await read();
  for (const [, of] of all) of.entitlement = { quota, weight: 50 };
  const changed: number[] = [];
  for (let i = 0; i < 6; i++) {
    const found = await read();
    changed.push(all.filter(([path]) => value(found, path, names.cpuWeight) === 50).length);
  }
  assert.deepEqual(changed, [2, 4, 6, 8, 10, 12]);
});

test('a quota that was set or taken away shows in the totals, and is told at once', async () => {
  const others = Object.fromEntries(
    ['/a', '/b', '/c'].map((path): [string, FakeCgroup] => [path, { statistics: still }]),
  );
  const app: FakeCgroup = { entitlement: {}, statistics: { ...still, usage: 1n }, hasProcesses: true };
  const { read } = await setUp({ ...others, '/app': app });
  await read();
  await read();
  app.entitlement = { quota };
  app.statistics = { ...still, periods: 1, usage: 2n };
  assert.equal(value(await read(), '/app', names.cpuLimit), 0.2);
  app.entitlement = {};
  app.statistics = { ...still, periods: 1, usage: 3n };
  assert.equal(value(await read(), '/app', names.cpuLimit), undefined);
});

test('what a quota throttled before it was taken away is told, and nothing after that', async () => {
  const app: FakeCgroup = { entitlement: { quota }, statistics: { ...still, usage: 1n }, hasProcesses: true };
  const { read } = await setUp({ '/batch.slice': app });
  await read();
  app.entitlement = {};
  app.statistics = { periods: 2, throttledPeriods: 1, throttled: 80_000_000n, usage: 2n };
  await read(); // its limits are read, as they are due
  app.statistics = { periods: 3, throttledPeriods: 2, throttled: 160_000_000n, usage: 3n };
  assert.deepEqual(points(await read(), '/batch.slice', names.throttledTime), [
    [0.08, { [keys.quotaLevel]: 'slice' }],
  ]);
  app.statistics = { ...app.statistics, usage: 4n };
  assert.deepEqual(points(await read(), '/batch.slice', names.throttledTime), []);
});

test('a cgroup that is renamed has the level of its new path', async () => {
  const app: FakeCgroup = { entitlement: { quota }, statistics: still };
  const cgroups: Record<string, FakeCgroup> = { '/a.slice': app };
  const { read, rename } = await setUp(cgroups);
  await read();
  rename('/a.slice', '/a.service');
  delete cgroups['/a.slice'];
  cgroups['/a.service'] = app;
  assert.deepEqual(points(await read(), '/a.service', names.periods), [[0, { [keys.quotaLevel]: 'unit' }]]);
});

test('a total that goes backwards yields nothing and is counted; the others go on', async () => {
  const app: FakeCgroup = { entitlement: { quota }, statistics: { ...still, periods: 50, usage: 5n } };
  const set = await setUp({ [container]: app });
  await set.read();
  app.statistics = { ...still, periods: 10, usage: 1_000_000_005n };
  const found = await set.read();
  assert.equal(value(found, container, names.periods), undefined);
  assert.equal(value(found, container, names.cpuTime), 1);
  assert.deepEqual(dropped(set), { backwards: 1 });
  app.statistics = { ...still, periods: 30, usage: 1_000_000_005n };
  assert.equal(value(await set.read(), container, names.periods), 20);
});

test('the sum of what is told is what the kernel counted, whatever the readings between', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat({ max: 1e12 }), { minLength: 1, maxLength: 10 }), async (steps) => {
      const app: FakeCgroup = { entitlement: { quota }, statistics: still };
      const { read } = await setUp({ [container]: app });
      await read();
      let total = 2n ** 60n; // more than a double holds
      app.statistics = { ...still, throttled: total };
      await read();
      let told = 0;
      for (const step of steps) {
        total += BigInt(step);
        app.statistics = { ...still, throttled: total };
        told += Math.round(Number(value(await read(), container, names.throttledTime)) * 1e9);
      }
      assert.equal(
        told,
        steps.reduce((sum, step) => sum + step, 0),
      );
    }),
    { numRuns: 50 },
  );
});

test('a cgroup that is gone between listing and reading is no error', async () => {
  const set = await setUp({ [container]: { entitlement: { quota }, statistics: still, isGone: true } });
  assert.equal((await set.read()).size, 0);
  assert.deepEqual(dropped(set), {});
});

test('what may not be read is counted with its reason and said once, and the rest is told', async () => {
  const refuse = () => {
    throw Object.assign(new Error("EACCES: permission denied, open '/x/cpu.stat'"), { code: 'EACCES' });
  };
  const set = await setUp({
    [container]: { entitlement: { quota }, statistics: refuse, pressures: { cpu: { some: 0n } } },
    [pod]: { entitlement: { weight: 2 }, statistics: refuse, hasProcesses: true },
  });
  await set.read();
  const found = await set.read();
  assert.equal(value(found, container, names.cpuLimit), 0.2);
  assert.equal(value(found, pod, names.cpuWeight), 2);
  assert.deepEqual(dropped(set), { permission: 4 });
  assert.equal(set.logged.filter((line) => line.includes('permission denied')).length, 1);
});

test('cgroups that are empty and did nothing are left out; processes, a quota or any growth let them in', async () => {
  const idle: FakeCgroup = {
    entitlement: { weight: 100 },
    statistics: still,
    pressures: { io: { some: 1n }, cpu: { some: 1n }, memory: { some: 1n } },
  };
  const { read } = await setUp({
    '/leftover': { ...idle },
    '/sleeping': { ...idle, hasProcesses: true },
    '/limited': { ...idle, entitlement: { quota } },
    '/stalled': idle,
  });
  await read();
  idle.pressures = { ...idle.pressures, io: { some: 1_000_000_001n } };
  assert.deepEqual([...(await read()).keys()], ['/sleeping', '/limited', '/stalled']);
});

test('pressure is not read where it is not wanted, nor further where a cgroup has none', async () => {
  const without = await setUp({ [container]: { statistics: still } }, { pressure: false });
  await without.read();
  assert.deepEqual(without.asked, []);
  const turnedOff = await setUp({ [container]: { statistics: still } });
  await turnedOff.read();
  assert.deepEqual(turnedOff.asked, [`${container} cpu`]);
});

test('only the paths that are asked for are read', async () => {
  const any: FakeCgroup = { entitlement: { quota }, statistics: still };
  const { read, asked } = await setUp(
    { '/a/b': any, '/a/x': any, '/c': any },
    { include: ['/a'], exclude: ['/a/x'] },
  );
  assert.deepEqual([...(await read()).keys()], ['/a/b']);
  assert.ok(asked.every((what) => what.startsWith('/a/b ')));
});

test('where no files are, as in a recording, it says so and asks for nothing', async () => {
  const { host, logged } = fakeHost('cgroup');
  const opened = await receiver.open(settings, host);
  assert.deepEqual(opened.pulls, []);
  assert.equal(logged.filter((line) => line.includes('cannot read cgroup files')).length, 1);
});
