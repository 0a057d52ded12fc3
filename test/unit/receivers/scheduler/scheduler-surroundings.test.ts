import assert from 'node:assert/strict';
import { test } from 'node:test';
import { components } from '../../../../src/components.ts';
import { ConfigError } from '../../../../src/config/config-error.ts';
import { loadConfig } from '../../../../src/config/load.ts';
import { schedulerCounters } from '../../../../src/receivers/scheduler/emits.ts';
import { scheduler } from '../../../../src/receivers/scheduler/scheduler.ts';
import { culpritAttributes } from '../../../../src/telemetry/attributes/culprit.ts';
import { resourceAttributes } from '../../../../src/telemetry/attributes/resource.ts';
import { hrTime } from '../../../../src/telemetry/metrics/build.ts';
import { waitMetrics } from '../../../../src/telemetry/metrics/wait.ts';
import {
  cgroupId,
  type MonotonicNanoseconds,
  nanoseconds,
  seconds,
  type UnixNanoseconds,
} from '../../../../src/telemetry/units.ts';
import { fakeHost } from '../../fake-host.ts';
import { cgroupReading, fakeSource, pairReading, waitEvent } from './readings.ts';
import { busy, settings, setUp } from './scheduler-receiver-fixture.ts';

test('a resource is one cgroup of one node', async () => {
  const { readings, read } = await setUp();
  readings.push({ cgroups: [cgroupReading({ self: 1 }), cgroupReading({ self: 1 }, { cgroup: 'kernel' })] });
  const [one, kernel] = await read();
  const node = String(one?.resource[resourceAttributes.hostName.key]);
  assert.ok(node);
  assert.deepEqual(one?.resource, {
    [resourceAttributes.hostName.key]: node,
    [resourceAttributes.cgroupId.key]: '1',
    [resourceAttributes.serviceInstanceId.key]: `${node}:1`,
  });
  assert.equal(kernel?.resource[resourceAttributes.cgroupId.key], 'kernel');
});

test('one interval begins where the other ended, whatever the clock did', async () => {
  const { readings, pull, clock, read } = await setUp();
  const intervals: unknown[][] = [];
  for (const step of [10n, 13n, 7n]) {
    readings.push({ cgroups: [busy] });
    clock.now += step * 1_000_000_000n;
    const [workload] = await read();
    const [point] = workload?.metrics.get(waitMetrics.runTime.name)?.dataPoints ?? [];
    intervals.push([point?.startTime, point?.endTime]);
  }
  assert.deepEqual(intervals[0]?.[1], intervals[1]?.[0]);
  assert.deepEqual(intervals[1]?.[1], intervals[2]?.[0]);
  assert.equal(pull('metrics').every, settings.interval);
});

test('a clock that is set back gives no interval that ends before it begins', async () => {
  const { readings, read, clock } = await setUp();
  const begin = clock.now;
  const intervals: unknown[][] = [];
  for (const now of [begin + 10n, begin - 3_600n, begin + 20n]) {
    readings.push({ cgroups: [busy] });
    clock.now = now;
    const [workload] = await read();
    const [point] = workload?.metrics.get(waitMetrics.runTime.name)?.dataPoints ?? [];
    intervals.push([point?.startTime, point?.endTime]);
  }
  const [start, ten, twenty] = [begin, begin + 10n, begin + 20n].map((at) => hrTime(at as UnixNanoseconds));
  assert.deepEqual(intervals, [
    [start, ten],
    [ten, ten],
    [ten, twenty],
  ]);
});

test('a recorded reading covers the time it was recorded over', async () => {
  const { readings, read, clock } = await setUp();
  readings.push({ cgroups: [busy], span: seconds(3) });
  clock.now += 10_000_000_000n;
  const [workload] = await read();
  const [point] = workload?.metrics.get(waitMetrics.runTime.name)?.dataPoints ?? [];
  assert.deepEqual(point?.startTime, hrTime((clock.now - 3_000_000_000n) as UnixNanoseconds));
  assert.deepEqual(point?.endTime, hrTime(clock.now as UnixNanoseconds));
});

test('cgroups are left out by their path, as victims but not as culprits', async () => {
  const { readings, read, cgroups, waits, pull } = await setUp({
    settings: { include: ['/a'], exclude: ['/a/x'] },
  });
  for (const [id, path] of [
    [1n, '/a'],
    [2n, '/b'],
    [3n, '/a/x'],
  ] as const)
    cgroups.learn({ kind: 'seen', id: cgroupId(id), path });
  readings.push({
    cgroups: [1n, 2n, 3n, 4n].map((id) => cgroupReading({ other: 1000 }, { cgroup: cgroupId(id) })),
    pairs: [pairReading(2n, { other: 1000 })],
  });
  const workloads = await read();
  assert.deepEqual(
    workloads.map(({ resource }) => resource[resourceAttributes.cgroupId.key]),
    ['1'],
  );
  assert.equal(
    workloads[0]?.metrics.get(waitMetrics.blameTime.name)?.dataPoints[0]?.attributes[
      culpritAttributes.cgroupId.key
    ],
    '2',
  );
  waits.push(waitEvent({ self: 1 }, { cgroup: cgroupId(2n) }));
  assert.deepEqual(await pull('events').collect(), []);
});

for (const key of ['include', 'exclude'])
  test(`a pattern in ${key} that could match no path is refused, with the remedy`, () => {
    const text = `receivers: {scheduler: {${key}: [/a, kubepods]}}
exporters: {debug: }
service: {pipelines: {metrics: {receivers: [scheduler], exporters: [debug]}}}
`;
    const load = () =>
      loadConfig({ files: ['a.yaml'], sets: [], environment: {}, readFile: () => text }, components);
    assert.throws(load, (error) => {
      assert.ok(error instanceof ConfigError);
      assert.deepEqual(
        error.problems.map(({ path, message }) => [path?.join('.'), message]),
        [
          [
            `receivers.scheduler.${key}.1`,
            '"kubepods" is not valid here: a cgroup path begins with "/", as in /kubepods or /system.slice/docker-*.scope',
          ],
        ],
      );
      return true;
    });
  });

test('loss is counted by reason; what was only suppressed is not loss', async () => {
  const { readings, read, counters } = await setUp();
  readings.push({ drops: { ring_full: 3, suppressed: 10 } }, { drops: { ring_full: 1, pair_full: 2 } });
  await read();
  await read();
  assert.deepEqual(counters.read(), [
    {
      metric: schedulerCounters.kernelDropped,
      attributes: { component: 'scheduler', reason: 'ring_full' },
      value: 4,
    },
    {
      metric: schedulerCounters.kernelNoted,
      attributes: { component: 'scheduler', reason: 'suppressed' },
      value: 10,
    },
    {
      metric: schedulerCounters.kernelDropped,
      attributes: { component: 'scheduler', reason: 'pair_full' },
      value: 2,
    },
  ]);
  assert.deepEqual(
    counters.read().map(({ metric }) => metric.isLoss),
    [true, false, true],
  );
});

test('single waits become events on the resource of who waited', async () => {
  const { waits, drain } = await setUp();
  waits.push(
    waitEvent({ other: 6e6 }, { culprit: cgroupId(2n), culpritTime: nanoseconds(6e6) }),
    waitEvent({ self: 7e6 }),
    waitEvent({ self: 8e6 }, { cgroup: 'kernel' }),
  );
  const [first, second, third] = await drain();
  assert.equal(first?.eventName, 'earshot.wait');
  assert.equal(first?.attributes[culpritAttributes.cgroupId.key], '2');
  assert.equal(first?.resource, second?.resource, 'records of one cgroup share their resource');
  assert.equal(third?.resource.attributes[resourceAttributes.cgroupId.key], 'kernel');
});

test('an event has the wall clock time at which its wait ended', async () => {
  const { waits, drain, clock, monotonic } = await setUp();
  const ago = 2_000_000_000n;
  waits.push(waitEvent({ self: 1 }, { at: (monotonic() - ago) as MonotonicNanoseconds }));
  const [record] = await drain();
  const [whole = 0, nanos = 0] = record?.hrTime ?? [];
  const before = clock.now - (BigInt(whole) * 1_000_000_000n + BigInt(nanos));
  assert.equal(before, ago);
  assert.deepEqual(record?.hrTimeObserved, hrTime(clock.now as UnixNanoseconds));
});

test('no wait, no batch', async () => {
  const { pull } = await setUp();
  assert.deepEqual(await pull('events').collect(), []);
});

test('the kernel side gets what the configuration says', async () => {
  const { asked } = await setUp({ settings: { sample: 7 } });
  assert.deepEqual(asked, [
    { minWait: 5_000_000, sample: 7, eventRate: 5, maxWorkloads: 512, maxPairs: 4096 },
  ]);
});

test('what was attached, and what it costs, is said once', async () => {
  const { logged } = await setUp({ description: { mapBytes: 2_621_440, cpus: 8 } });
  assert.equal(logged.length, 1);
  assert.match(logged[0] ?? '', /"kernel_memory_mib":2\.5,"cpus":8.*Attached to the scheduler/);
});

test('a replay says so, in the log and on every resource', async () => {
  const { logged, readings, read, waits, drain } = await setUp({ description: { recording: 'one evening' } });
  assert.match(logged[0] ?? '', /Replaying a recording/);
  readings.push({ cgroups: [busy] });
  const [workload] = await read();
  assert.equal(workload?.resource[resourceAttributes.recording.key], 'one evening');
  waits.push(waitEvent({ self: 1 }));
  const [record] = await drain();
  assert.equal(record?.resource.attributes[resourceAttributes.recording.key], 'one evening');
});

test('closing closes the source, and may be said twice', async () => {
  const { receiver, closed } = await setUp();
  await receiver.close();
  assert.equal(closed(), 1);
  await receiver.close();
});

test('the cost of the programs is measured while the source is open', async () => {
  const events: string[] = [];
  const { host } = fakeHost('scheduler');
  const { source } = fakeSource();
  const receiver = await scheduler.open(settings, {
    ...host,
    kernel: {
      ...host.kernel,
      openScheduler: async () => ({
        ...source,
        measureCost: () => {
          events.push('begun');
          return {
            end: () => {
              events.push('ended');
              return { programs: [], elapsed: seconds(1) };
            },
          };
        },
        close: () => void events.push('closed'),
      }),
    },
  });
  await receiver.pulls?.find(({ name }) => name === 'metrics')?.collect();
  await receiver.close();
  assert.deepEqual(events, ['begun', 'ended', 'closed']);
});

test('a source that cannot be described does not stay attached', async () => {
  const { host } = fakeHost('scheduler');
  const { source, closed } = fakeSource();
  const broken = {
    ...source,
    describe: () => {
      throw new Error('no such map');
    },
  };
  const kernel = { ...host.kernel, openScheduler: async () => broken };
  await assert.rejects(scheduler.open(settings, { ...host, kernel }), /no such map/);
  assert.equal(closed(), 1);
});

test('a kernel that cannot is told to whoever opens the receiver', async () => {
  const { host } = fakeHost('scheduler');
  await assert.rejects(scheduler.open(settings, host), /no kernel here/);
});

test('without a pipeline for logs the kernel side is asked for no single waits', async () => {
  const { asked } = await setUp({ signals: ['metrics'] });
  assert.equal(asked[0]?.sample, 0);
  assert.equal(asked[0]?.minWait, Number.MAX_SAFE_INTEGER);
  const { asked: withLogs } = await setUp();
  assert.equal(withLogs[0]?.minWait, settings.min_wait);
});
