import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cgroup as receiver } from '../../../../src/receivers/cgroup/cgroup.ts';
import { waitAttributes } from '../../../../src/telemetry/attributes/wait.ts';
import { cgroupMetrics } from '../../../../src/telemetry/metrics/cgroup.ts';
import { fakeHost } from '../../fake-host.ts';
import {
  container,
  dropped,
  type FakeCgroup,
  pod,
  points,
  quota,
  settings,
  setUp,
  still,
  value,
} from './cgroup-fixture.ts';

test('changed limits are emitted after six readings at the latest, at a different reading for each cgroup', async () => {
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
    changed.push(all.filter(([path]) => value(found, path, cgroupMetrics.cpuWeight) === 50).length);
  }
  assert.deepEqual(changed, [2, 4, 6, 8, 10, 12]);
});

test('a quota that was set or removed shows in the totals and is emitted at once', async () => {
  const others = Object.fromEntries(
    ['/a', '/b', '/c'].map((path): [string, FakeCgroup] => [path, { statistics: still }]),
  );
  const app: FakeCgroup = { entitlement: {}, statistics: { ...still, usage: 1n }, hasProcesses: true };
  const { read } = await setUp({ ...others, '/app': app });
  await read();
  await read();
  app.entitlement = { quota };
  app.statistics = { ...still, periods: 1, usage: 2n };
  assert.equal(value(await read(), '/app', cgroupMetrics.cpuLimit), 0.2);
  app.entitlement = {};
  app.statistics = { ...still, periods: 1, usage: 3n };
  assert.equal(value(await read(), '/app', cgroupMetrics.cpuLimit), undefined);
});

test('throttling before the removal of a quota is emitted, and nothing after it', async () => {
  const app: FakeCgroup = { entitlement: { quota }, statistics: { ...still, usage: 1n }, hasProcesses: true };
  const { read } = await setUp({ '/batch.slice': app });
  await read();
  app.entitlement = {};
  app.statistics = { periods: 2, throttledPeriods: 1, throttled: 80_000_000n, usage: 2n };
  await read(); // its limits are read, as they are due
  app.statistics = { periods: 3, throttledPeriods: 2, throttled: 160_000_000n, usage: 3n };
  assert.deepEqual(points(await read(), '/batch.slice', cgroupMetrics.throttledTime), [
    [0.08, { [waitAttributes.quotaLevel.key]: 'slice' }],
  ]);
  app.statistics = { ...app.statistics, usage: 4n };
  assert.deepEqual(points(await read(), '/batch.slice', cgroupMetrics.throttledTime), []);
});

test('a cgroup that is renamed has the level of its new path', async () => {
  const app: FakeCgroup = { entitlement: { quota }, statistics: still };
  const cgroups: Record<string, FakeCgroup> = { '/a.slice': app };
  const { read, rename } = await setUp(cgroups);
  await read();
  rename('/a.slice', '/a.service');
  delete cgroups['/a.slice'];
  cgroups['/a.service'] = app;
  assert.deepEqual(points(await read(), '/a.service', cgroupMetrics.periods), [
    [0, { [waitAttributes.quotaLevel.key]: 'unit' }],
  ]);
});

test('a total that goes backwards yields nothing and is counted; other totals continue', async () => {
  const app: FakeCgroup = { entitlement: { quota }, statistics: { ...still, periods: 50, usage: 5n } };
  const set = await setUp({ [container]: app });
  await set.read();
  app.statistics = { ...still, periods: 10, usage: 1_000_000_005n };
  const found = await set.read();
  assert.equal(value(found, container, cgroupMetrics.periods), undefined);
  assert.equal(value(found, container, cgroupMetrics.cpuTime), 1);
  assert.deepEqual(dropped(set), { backwards: 1 });
  app.statistics = { ...still, periods: 30, usage: 1_000_000_005n };
  assert.equal(value(await set.read(), container, cgroupMetrics.periods), 20);
});

test('emitted values sum to the total of the kernel, for any readings between', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat({ max: 1e12 }), { minLength: 1, maxLength: 10 }), async (steps) => {
      const app: FakeCgroup = { entitlement: { quota }, statistics: still };
      const { read } = await setUp({ [container]: app });
      await read();
      let total = 2n ** 60n; // more than a double holds
      app.statistics = { ...still, throttled: total };
      await read();
      let reported = 0;
      for (const step of steps) {
        total += BigInt(step);
        app.statistics = { ...still, throttled: total };
        reported += Math.round(Number(value(await read(), container, cgroupMetrics.throttledTime)) * 1e9);
      }
      assert.equal(
        reported,
        steps.reduce((sum, step) => sum + step, 0),
      );
    }),
    { numRuns: 50 },
  );
});

test('a cgroup removed between listing and reading is no error', async () => {
  const set = await setUp({ [container]: { entitlement: { quota }, statistics: still, isGone: true } });
  assert.equal((await set.read()).size, 0);
  assert.deepEqual(dropped(set), {});
});

test('an unreadable file is counted with its reason and logged once; other files are read', async () => {
  const refuse = () => {
    throw Object.assign(new Error("EACCES: permission denied, open '/x/cpu.stat'"), { code: 'EACCES' });
  };
  const set = await setUp({
    [container]: { entitlement: { quota }, statistics: refuse, pressures: { cpu: { some: 0n } } },
    [pod]: { entitlement: { weight: 2 }, statistics: refuse, hasProcesses: true },
  });
  await set.read();
  const found = await set.read();
  assert.equal(value(found, container, cgroupMetrics.cpuLimit), 0.2);
  assert.equal(value(found, pod, cgroupMetrics.cpuWeight), 2);
  assert.deepEqual(dropped(set), { permission: 4 });
  assert.equal(set.logged.filter((line) => line.includes('permission denied')).length, 1);
});

test('empty idle cgroups are omitted; processes, a quota or growth include them', async () => {
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

test('pressure is read only if enabled, and not again after a missing file', async () => {
  const without = await setUp({ [container]: { statistics: still } }, { pressure: false });
  await without.read();
  assert.deepEqual(without.asked, []);
  const turnedOff = await setUp({ [container]: { statistics: still } });
  await turnedOff.read();
  assert.deepEqual(turnedOff.asked, [`${container} cpu`]);
});

test('only included paths are read', async () => {
  const any: FakeCgroup = { entitlement: { quota }, statistics: still };
  const { read, asked } = await setUp(
    { '/a/b': any, '/a/x': any, '/c': any },
    { include: ['/a'], exclude: ['/a/x'] },
  );
  assert.deepEqual([...(await read()).keys()], ['/a/b']);
  assert.ok(asked.every((what) => what.startsWith('/a/b ')));
});

test('without cgroup files the receiver logs it and has no pulls', async () => {
  const { host, logged } = fakeHost('cgroup');
  const opened = await receiver.open(settings, host);
  assert.deepEqual(opened.pulls, []);
  assert.equal(logged.filter((line) => line.includes('cannot read cgroup files')).length, 1);
});
