import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AggregationTemporality } from '@opentelemetry/sdk-metrics';
import { culpritAttributes } from '../../../../src/telemetry/attributes/culprit.ts';
import { resourceAttributes } from '../../../../src/telemetry/attributes/resource.ts';
import { waitAttributes } from '../../../../src/telemetry/attributes/wait.ts';
import { measuredMetrics, waitMetrics } from '../../../../src/telemetry/metrics/wait.ts';
import {
  cgroupId,
  hrTime,
  nanoseconds,
  seconds,
  type UnixNanoseconds,
} from '../../../../src/telemetry/units.ts';
import { cgroupReading, pairReading } from './readings.ts';
import { blamed, busy, setUp, values } from './scheduler-receiver-fixture.ts';

test('a reading becomes the declared metrics, deltas of its interval', async () => {
  const { readings, read, clock } = await setUp();
  readings.push({ cgroups: [busy], pairs: [...blamed, pairReading(4n, { last: 1e9 })] });
  const start = clock.now;
  clock.now += 10_000_000_000n;
  const [workload] = await read();
  assert.deepEqual(
    [...(workload?.metrics.keys() ?? [])].sort(),
    Object.values(measuredMetrics)
      .map(({ name }) => name)
      .sort(),
  );
  for (const [name, metric] of workload?.metrics ?? []) {
    const described = Object.values(measuredMetrics).find((it) => it.name === name);
    assert.equal(metric.descriptor.unit, described?.unit);
    assert.equal(metric.descriptor.description, described?.meaning);
    assert.equal(metric.aggregationTemporality, AggregationTemporality.DELTA);
    for (const { startTime, endTime } of metric.dataPoints) {
      assert.deepEqual(startTime, hrTime(start as UnixNanoseconds));
      assert.deepEqual(endTime, hrTime(clock.now as UnixNanoseconds));
    }
  }
});

test('the points hold the figures of the reading, by class and by culprit', async () => {
  const { readings, read } = await setUp();
  readings.push({ cgroups: [busy], pairs: blamed });
  const [workload] = await read();
  const of = ({ name }: { readonly name: string }) => values(workload?.metrics.get(name));
  const by = (waitClass: string, culprit?: string) => ({
    [waitAttributes.class.key]: waitClass,
    ...(culprit === undefined ? {} : { [culpritAttributes.cgroupId.key]: culprit }),
  });
  assert.deepEqual(of(waitMetrics.waitTime), [
    [1, by('self')],
    [3, by('other')],
    [0.5, by('idle')],
    [2, by('throttled')],
  ]);
  assert.deepEqual(of(waitMetrics.blameTime), [
    [3, by('other', '2')],
    [2, by('throttled', '3')],
  ]);
  assert.deepEqual(of(waitMetrics.preemptions), [
    [7, by('other', '2')],
    [5, by('self')],
    [6, by('kernel')],
  ]);
  assert.deepEqual(of(waitMetrics.runTime), [[4, {}]]);
});

test('waits that ended become one exponential histogram with their sum', async () => {
  const { readings, read } = await setUp();
  readings.push({ cgroups: [{ ...busy, completed: seconds(9) }] });
  const [workload] = await read();
  assert.deepEqual(workload?.metrics.get(waitMetrics.waitDuration.name)?.dataPoints[0]?.value, {
    count: 6,
    sum: 9,
    scale: 2,
    zeroCount: 3,
    positive: { offset: -10, bucketCounts: [2, 0, 0, 1] },
    negative: { offset: 0, bucketCounts: [] },
  });
});

test('zero values have no point, idle cgroups no resource', async () => {
  const { readings, read } = await setUp();
  readings.push({
    cgroups: [cgroupReading({}), cgroupReading({}, { run: seconds(1), cgroup: cgroupId(2n) })],
  });
  const workloads = await read();
  assert.equal(workloads.length, 1);
  assert.deepEqual([...(workloads[0]?.metrics.keys() ?? [])], [waitMetrics.runTime.name]);
});

test('a cgroup that only waits is reported with its waits in progress', async () => {
  const { readings, read } = await setUp();
  readings.push({ cgroups: [cgroupReading({ other: 10e9 }, { completed: nanoseconds(0) })] });
  const [workload] = await read();
  assert.deepEqual([...(workload?.metrics.keys() ?? [])], [waitMetrics.waitTime.name]);
  assert.deepEqual(values(workload?.metrics.get(waitMetrics.waitTime.name)), [
    [10, { [waitAttributes.class.key]: 'other' }],
  ]);
});

test('last runners are reported beside the culprits, without a cause, and displace none', async () => {
  const { readings, read } = await setUp({ settings: { max_culprits: 1 } });
  readings.push({
    cgroups: [cgroupReading({ other: 4e9 })],
    pairs: [pairReading(2n, { other: 4e9, last: 1e9 }), pairReading(3n, { last: 3e9 })],
  });
  const [workload] = await read();
  assert.deepEqual(values(workload?.metrics.get(waitMetrics.blameTime.name)), [
    [4, { [waitAttributes.class.key]: 'other', [culpritAttributes.cgroupId.key]: '2' }],
  ]);
  assert.deepEqual(values(workload?.metrics.get(waitMetrics.lastRunnerTime.name)), [
    [3, { [culpritAttributes.cgroupId.key]: '3' }],
    [1, { [culpritAttributes.cgroupId.key]: 'other' }],
  ]);
});

test('a preempted cgroup that still waits is reported, also if it has nothing else', async () => {
  const { readings, read } = await setUp();
  readings.push({ pairs: [pairReading(2n, { preemptions: 1 })] });
  const [workload] = await read();
  assert.equal(workload?.resource[resourceAttributes.cgroupId.key], '1');
  assert.deepEqual(values(workload?.metrics.get(waitMetrics.preemptions.name)), [
    [1, { [waitAttributes.class.key]: 'other', [culpritAttributes.cgroupId.key]: '2' }],
  ]);
});

test("pairs are emitted on their victim's resource", async () => {
  const { readings, read } = await setUp();
  const two = cgroupReading({ other: 1000 }, { cgroup: cgroupId(9n) });
  readings.push({
    cgroups: [cgroupReading({ other: 1000 }), two],
    pairs: [pairReading(2n, { other: 1000 }), { ...pairReading(3n, { other: 1000 }), victim: cgroupId(9n) }],
  });
  const culprits = (await read()).map(
    ({ metrics: of }) =>
      of.get(waitMetrics.blameTime.name)?.dataPoints[0]?.attributes[culpritAttributes.cgroupId.key],
  );
  assert.deepEqual(culprits, ['2', '3']);
});

test('blame beyond the tolerance stays unnamed', async () => {
  const { readings, read } = await setUp();
  readings.push({ cgroups: [cgroupReading({ other: 1e9 })], pairs: [pairReading(2n, { other: 5e8 })] });
  const [workload] = await read();
  assert.equal(values(workload?.metrics.get(waitMetrics.blameTime.name))?.[0]?.[0], 0.5);
});

test('culprits beyond max_culprits become `other`, and sums are kept', async () => {
  const { readings, read } = await setUp({ settings: { max_culprits: 2 } });
  const pairs = [2n, 3n, 4n, 5n].map((culprit) => pairReading(culprit, { other: 1e9, preemptions: 1 }));
  readings.push({ cgroups: [cgroupReading({ other: 4e9 })], pairs });
  const [workload] = await read();
  const named = (metric: { readonly name: string }) =>
    workload?.metrics
      .get(metric.name)
      ?.dataPoints.map(({ value, attributes }) => [attributes[culpritAttributes.cgroupId.key], value]);
  assert.deepEqual(named(waitMetrics.blameTime), [
    ['2', 1],
    ['3', 1],
    ['other', 2],
  ]);
  assert.deepEqual(named(waitMetrics.preemptions), [
    ['2', 1],
    ['3', 1],
    ['other', 2],
  ]);
});
