import assert from 'node:assert/strict';
import { test } from 'node:test';
import { components } from '../../../../src/components.ts';
import { ConfigError } from '../../../../src/config/config-error.ts';
import { loadConfig } from '../../../../src/config/load.ts';
import { schedulerCounters } from '../../../../src/receivers/scheduler/emits.ts';
import { optionsOf, receiveFrom } from '../../../../src/receivers/scheduler/receiver.ts';
import { scheduler } from '../../../../src/receivers/scheduler/scheduler.ts';
import type { SchedulerSource } from '../../../../src/receivers/scheduler/source.ts';
import { culpritAttributes } from '../../../../src/telemetry/attributes/culprit.ts';
import { resourceAttributes } from '../../../../src/telemetry/attributes/resource.ts';
import { waitMetrics } from '../../../../src/telemetry/metrics/wait.ts';
import {
  cgroupId,
  hrTime,
  type MonotonicNanoseconds,
  nanoseconds,
  seconds,
  type UnixNanoseconds,
} from '../../../../src/telemetry/units.ts';
import { FakeBpf } from '../../fake-bpf.ts';
import { FakeCgroups } from '../../fake-cgroups.ts';
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

test('ways to schedule that change what is measured are attributes of each resource while they last', async () => {
  const { readings, read } = await setUp();
  readings.push(
    { cgroups: [busy], modes: { ext: 'simple' } },
    { cgroups: [busy], modes: { core: true } },
    { cgroups: [busy] },
  );
  const { schedExt, coreScheduling } = resourceAttributes;
  const modes: unknown[] = [];
  for (const _ of [1, 2, 3]) {
    const [of] = await read();
    modes.push([of?.resource[schedExt.key], of?.resource[coreScheduling.key]]);
  }
  assert.deepEqual(modes, [
    ['simple', undefined],
    [undefined, true],
    [undefined, undefined],
  ]);
});

test('intervals follow each other without gap, for any clock', async () => {
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

test('a clock set back yields no interval that ends before it begins', async () => {
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

test('excluded paths are no victims, but culprits', async () => {
  const { readings, read, cgroups, waits, pull } = await setUp({
    settings: { include: ['/a'], exclude: ['/a/x'] },
  });
  for (const [id, path] of [
    [1n, '/a'],
    [2n, '/b'],
    [3n, '/a/x'],
  ] as const)
    cgroups.set(cgroupId(id), path);
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

test('losses are counted by reason; suppressed events are no loss', async () => {
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

test("single waits become events on the victim's resource", async () => {
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

test('without waits there is no batch of events', async () => {
  const { pull } = await setUp();
  assert.deepEqual(await pull('events').collect(), []);
});

test('the source is opened with the settings of the configuration', async () => {
  const both = new Set(['metrics', 'logs'] as const);
  assert.deepEqual(optionsOf({ ...settings, sample: 7 }, both), {
    ...{ minWait: 5_000_000, sample: 7, eventRate: 5, maxWorkloads: 512, maxPairs: 4096 },
  });
});

test('attached programs and their memory are logged once', async () => {
  const { logged } = await setUp({ description: { mapBytes: 2_621_440, cpus: 8 } });
  assert.equal(logged.length, 1);
  assert.match(
    logged[0] ?? '',
    /"kernel_memory_mib":2\.5,"agent_memory_mib":2,"cpus":8,"workloads":512,"pairs":8192,"threads":16384.*Attached to the scheduler/,
  );
});

test('other work goes on between the steps of a reading', async () => {
  const { host } = fakeHost('scheduler');
  const { source } = fakeSource();
  const done: string[] = [];
  const stepping: SchedulerSource = {
    ...source,
    *reading() {
      for (const step of ['first', 'second']) {
        setImmediate(() => void done.push('other work'));
        done.push(step);
        yield;
      }
      done.push('last');
      return yield* source.reading();
    },
  };
  const receiver = receiveFrom(stepping, settings, { host, cgroups: new FakeCgroups() });
  await receiver.pulls?.find(({ name }) => name === 'metrics')?.collect();
  await receiver.close();
  assert.deepEqual(done, ['first', 'other work', 'second', 'other work', 'last']);
});

test('close closes the source and is idempotent', async () => {
  const { receiver, closed } = await setUp();
  await receiver.close();
  assert.equal(closed(), 1);
  await receiver.close();
});

test('the cost of the programs is measured while the source is open', async () => {
  const events: string[] = [];
  const { host } = fakeHost('scheduler');
  const { source } = fakeSource();
  const measured: SchedulerSource = {
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
  };
  const receiver = receiveFrom(measured, settings, { host, cgroups: new FakeCgroups() });
  await receiver.pulls?.find(({ name }) => name === 'metrics')?.collect();
  await receiver.close();
  assert.deepEqual(events, ['begun', 'ended', 'closed']);
});

test('a source that fails after attaching is closed', () => {
  const { host } = fakeHost('scheduler');
  const { source, closed } = fakeSource();
  const broken = {
    ...source,
    describe: () => {
      throw new Error('no such map');
    },
  };
  assert.throws(() => receiveFrom(broken, settings, { host, cgroups: new FakeCgroups() }), /no such map/);
  assert.equal(closed(), 1);
});

test('an unsupported machine is refused with its missing requirements', async () => {
  const { host } = fakeHost('scheduler');
  const bpf = new FakeBpf();
  bpf.lacks = ['the kernel has no BTF'];
  await assert.rejects(scheduler.open(settings, { ...host, bpf }), {
    code: 'UNSUPPORTED',
    message: /cannot attach to the scheduler: the kernel has no BTF \(the receiver "cgroup" /,
  });
});

test('without a pipeline of logs single waits are disabled in the kernel', async () => {
  const { minWait, sample } = optionsOf(settings, new Set(['metrics']));
  assert.deepEqual([minWait, sample], [Number.MAX_SAFE_INTEGER, 0]);
});
