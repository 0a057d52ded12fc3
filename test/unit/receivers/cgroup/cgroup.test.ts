import assert from 'node:assert/strict';
import { test } from 'node:test';
import { waitAttributes } from '../../../../src/telemetry/attributes/wait.ts';
import { cgroupMetrics, pressureAttributes } from '../../../../src/telemetry/metrics/cgroup.ts';
import { hrTime, milliseconds, type UnixNanoseconds } from '../../../../src/telemetry/units.ts';
import { container, dropped, type FakeCgroup, points, quota, setUp, still, value } from './cgroup-fixture.ts';

test('totals before the first reading are not emitted; limits are emitted at once', async () => {
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
      [cgroupMetrics.cpuLimit.name, 0.2],
      [cgroupMetrics.cpuPeriod.name, 0.1],
      [cgroupMetrics.cpuBurst.name, 0.005],
      [cgroupMetrics.cpuWeight.name, 10],
      [cgroupMetrics.cpuCount.name, 3],
    ],
  );
});

test('totals are emitted as growth over the interval, with the level of the quota', async () => {
  const app: FakeCgroup = {
    entitlement: { quota },
    statistics: still,
    throttledLocal: 0n,
    pressures: { cpu: { some: 0n, full: 0n } },
  };
  const { read, clock } = await setUp({ [container]: app });
  await read();
  const before = clock.now;
  app.statistics = { periods: 100, throttledPeriods: 40, throttled: 2_500_000_000n, usage: 1_500_000_000n };
  app.throttledLocal = 3_000_000_000n;
  app.pressures = { cpu: { some: 4_000_000_000n, full: 500_000_000n } };
  const found = await read();
  const level = { [waitAttributes.quotaLevel.key]: 'container' };
  const kind = (of: string) => ({
    [pressureAttributes.resource.key]: 'cpu',
    [pressureAttributes.kind.key]: of,
  });
  assert.deepEqual(points(found, container, cgroupMetrics.throttledTime), [[2.5, level]]);
  assert.deepEqual(points(found, container, cgroupMetrics.throttledPeriods), [[40, level]]);
  assert.deepEqual(points(found, container, cgroupMetrics.periods), [[100, level]]);
  assert.deepEqual(points(found, container, cgroupMetrics.throttledLocalTime), [[3, {}]]);
  assert.deepEqual(points(found, container, cgroupMetrics.cpuTime), [[1.5, {}]]);
  assert.deepEqual(points(found, container, cgroupMetrics.pressureTime), [
    [4, kind('some')],
    [0.5, kind('full')],
  ]);
  const [point] = found.get(container)?.get(cgroupMetrics.throttledTime.name)?.dataPoints ?? [];
  assert.deepEqual(point?.startTime, hrTime(before as UnixNanoseconds));
  assert.deepEqual(point?.endTime, hrTime(clock.now as UnixNanoseconds));
});

test('the interval of a cgroup is from one read of its own files to the next, however long others take', async () => {
  let delay = 0n;
  const slow = () => {
    clock.now += delay;
    return still;
  };
  const { read, clock } = await setUp({
    '/slow': { entitlement: { quota }, statistics: slow },
    [container]: { entitlement: { quota }, statistics: still },
  });
  const first = clock.now + 10_000_000_000n;
  await read();
  delay = 2_000_000_000n;
  const found = await read();
  const timesOf = (path: string) => {
    const [point] = found.get(path)?.get(cgroupMetrics.periods.name)?.dataPoints ?? [];
    return [point?.startTime, point?.endTime];
  };
  const times = (...at: bigint[]) => at.map((time) => hrTime(time as UnixNanoseconds));
  assert.deepEqual(timesOf('/slow'), times(first, first + 10_000_000_000n));
  assert.deepEqual(timesOf(container), times(first, first + 12_000_000_000n));
});

test('a quota that never ran out emits zeros', async () => {
  const { read } = await setUp({ [container]: { entitlement: { quota }, statistics: still } });
  await read();
  const found = await read();
  for (const metric of [cgroupMetrics.throttledTime, cgroupMetrics.throttledPeriods, cgroupMetrics.periods])
    assert.equal(value(found, container, metric), 0, metric.name);
});

test('throttling is emitted only on the resource of the cgroup that holds the quota', async () => {
  const [outer, inner]: [FakeCgroup, FakeCgroup] = [
    { entitlement: { quota }, statistics: still, throttledLocal: 0n },
    { entitlement: { weight: 100 }, statistics: still, throttledLocal: 0n },
  ];
  const { read } = await setUp({
    '/batch.slice': outer,
    '/batch.slice/job.service': inner,
    '/free.slice': { entitlement: {}, statistics: still, hasProcesses: true },
  });
  await read();
  await read();
  outer.statistics = { ...still, periods: 100, throttledPeriods: 50, throttled: 1_000_000_000n };
  inner.throttledLocal = 900_000_000n;
  const found = await read();
  assert.deepEqual(points(found, '/batch.slice', cgroupMetrics.throttledTime), [
    [1, { [waitAttributes.quotaLevel.key]: 'slice' }],
  ]);
  assert.deepEqual(points(found, '/batch.slice/job.service', cgroupMetrics.throttledTime), []);
  assert.deepEqual(points(found, '/batch.slice/job.service', cgroupMetrics.throttledLocalTime), [[0.9, {}]]);
});

test('cpu.stat.local is read only below a quota', async () => {
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

test('a cgroup created since the last reading counts from 0', async () => {
  const cgroups: Record<string, FakeCgroup> = { '/old': { statistics: still } };
  const { read } = await setUp(cgroups);
  await read();
  cgroups['/new'] = { entitlement: { quota }, statistics: { ...still, throttled: 2_000_000_000n } };
  assert.equal(value(await read(), '/new', cgroupMetrics.throttledTime), 2);
});

test('a total larger than the time since the last reading allows counts from now', async () => {
  const cgroups: Record<string, FakeCgroup> = { '/old': { statistics: still } };
  const { read } = await setUp(cgroups);
  await read();
  cgroups['/found'] = { entitlement: { quota }, statistics: { ...still, usage: 10n ** 18n } };
  const found = await read();
  assert.ok(found.has('/found'));
  assert.equal(value(found, '/found', cgroupMetrics.throttledTime), undefined);
  cgroups['/found'].statistics = { ...still, usage: 10n ** 18n + 1_000_000_000n };
  assert.equal(value(await read(), '/found', cgroupMetrics.cpuTime), 1);
});

test('a cgroup beyond max_cgroups counts from its first reading', async () => {
  const cgroups: Record<string, FakeCgroup> = {};
  for (let i = 0; i < 17; i++) cgroups[`/c${i}`] = { entitlement: { quota }, statistics: still };
  const set = await setUp(cgroups, { max_cgroups: 16 });
  assert.equal((await set.read()).size, 16);
  assert.deepEqual(dropped(set), { max_cgroups: 1 });
  delete cgroups['/c0'];
  cgroups['/c16'] = { entitlement: { quota }, statistics: { ...still, throttled: 1_000_000_000n } };
  const found = await set.read();
  assert.ok(found.has('/c16'));
  assert.equal(value(found, '/c16', cgroupMetrics.throttledTime), undefined);
  assert.deepEqual(dropped(set), { max_cgroups: 1 });
});
