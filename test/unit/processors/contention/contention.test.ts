import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Attributes } from '@opentelemetry/api';
import type { DataPoint, MetricData, ResourceMetrics } from '@opentelemetry/sdk-metrics';
import fc from 'fast-check';
import { waitEvent } from '../../../../src/receivers/scheduler/emits.ts';
import { culpritAttributes, otherCulprit } from '../../../../src/telemetry/attributes/culprit.ts';
import { eventAttributes } from '../../../../src/telemetry/attributes/event.ts';
import { waitAttributes, waitPart } from '../../../../src/telemetry/attributes/wait.ts';
import { itemCount, mapBatch, signalNames } from '../../../../src/telemetry/batch.ts';
import { event } from '../../../../src/telemetry/logs.ts';
import {
  exponentialHistogram,
  type Point,
  resource,
  resourceMetrics,
  sum,
} from '../../../../src/telemetry/metrics/build.ts';
import { histogramOf } from '../../../../src/telemetry/metrics/histogram.ts';
import { waitMetrics } from '../../../../src/telemetry/metrics/wait.ts';
import { batchWith } from '../../batch-with.ts';
import { culprit, interval, process, victim } from './fixture.ts';

const of = (waitClass: string, value: number, more: Attributes = {}): Point => ({
  value,
  attributes: { [waitAttributes.class.key]: waitClass, ...more },
});

function name(...all: readonly MetricData[]): readonly MetricData[] {
  const batch = process({ signal: 'metrics', resourceMetrics: [resourceMetrics(resource(victim), all)] });
  assert.ok(batch.signal === 'metrics');
  return batch.resourceMetrics[0]?.scopeMetrics[0]?.metrics ?? [];
}

const points = (all: readonly MetricData[], { name }: { readonly name: string }) =>
  (all.find((metric) => metric.descriptor.name === name)?.dataPoints ?? []) as DataPoint<number>[];
/** In ns. */
const byCause = (
  all: readonly MetricData[],
  metric: { readonly name: string },
): Readonly<Record<string, number>> =>
  Object.fromEntries(
    points(all, metric).map(({ attributes, value }) => [
      String(attributes[waitAttributes.cause.key]),
      Math.round(value * 1e9),
    ]),
  );

const neighbor = culprit('container', { container: 'c9', pod: 'B' });
const sibling = culprit('container', { container: 'c2', pod: 'A' });
const service = culprit('service');
const pod = culprit('pod', { pod: 'A', path: '/kubepods/burstable/podA' });
const ancestor = culprit('cgroup', { path: '/kubepods' });

test('the wait is divided by cause in proportion to blame', () => {
  const named = name(
    sum(waitMetrics.waitTime, interval, [
      of('self', 1),
      of('other', 10),
      of('throttled', 4),
      of('idle', 0.5),
    ]),
    sum(waitMetrics.blameTime, interval, [
      of('other', 6, neighbor),
      of('other', 3, sibling),
      of('other', 1, service),
      of('throttled', 3, pod),
      of('throttled', 1, ancestor),
    ]),
  );
  assert.deepEqual(byCause(named, waitMetrics.waitTime), {
    self: 1e9,
    neighbor: 6e9,
    sibling: 3e9,
    system: 1e9,
    throttled: 3e9,
    throttled_ancestor: 1e9,
    idle: 0.5e9,
  });
});

test('wait without blame has the cause unknown', () => {
  const named = name(
    sum(waitMetrics.waitTime, interval, [of('other', 10), of('throttled', 4), of('unknown', 1)]),
    sum(waitMetrics.blameTime, interval, [of('other', 6, neighbor), of('throttled', 3, pod)]),
  );
  assert.deepEqual(byCause(named, waitMetrics.waitTime), { neighbor: 6e9, throttled: 3e9, unknown: 6e9 });
});

test('without any blame the class other becomes unknown', () => {
  const named = name(sum(waitMetrics.waitTime, interval, [of('other', 10), of('kernel', 1)]));
  assert.deepEqual(byCause(named, waitMetrics.waitTime), { unknown: 10e9, kernel: 1e9 });
});

test('rounding of seconds yields no cause', () => {
  const named = name(
    sum(waitMetrics.waitTime, interval, [of('other', 0.3)]),
    sum(waitMetrics.blameTime, interval, [of('other', 0.1, neighbor), of('other', 0.2, sibling)]),
  );
  assert.deepEqual(Object.keys(byCause(named, waitMetrics.waitTime)).sort(), ['neighbor', 'sibling']);
});

test('causes sum to the wait, for any blame', () => {
  const culprits = [neighbor, sibling, service, pod, ancestor, culprit('unknown'), {}];
  const blame = fc.record({
    waitClass: fc.constantFrom('other', 'throttled'),
    whose: fc.constantFrom(...culprits),
    share: fc.nat(1000),
  });
  const ns = fc.integer({ min: 0, max: 3_600_000_000_000 });
  fc.assert(
    fc.property(
      fc.record({ other: ns, throttled: ns, self: ns, idle: ns }),
      fc.array(blame, { maxLength: 20 }),
      (waits, blames) => {
        const blamed = blames.map(({ waitClass, whose, share }) => {
          const total = waitClass === 'other' ? waits.other : waits.throttled;
          return of(waitClass, Math.floor((total * share) / 1000 / blames.length) / 1e9, whose);
        });
        const named = name(
          sum(
            waitMetrics.waitTime,
            interval,
            Object.entries(waits).map(([waitClass, time]) => of(waitClass, time / 1e9)),
          ),
          sum(waitMetrics.blameTime, interval, blamed),
        );
        const parts: readonly number[] = Object.values(byCause(named, waitMetrics.waitTime));
        const whole = Object.values(waits).reduce((a, b) => a + b, 0);
        assert.equal(
          parts.reduce((a, b) => a + b, 0),
          whole,
        );
        assert.ok(parts.every((part) => part >= 0));
        // and each cause of the wait is what is blamed for it
        for (const { attributes, value } of points(named, waitMetrics.blameTime))
          assert.ok(
            (byCause(named, waitMetrics.waitTime)[String(attributes[waitAttributes.cause.key])] ?? 0) >=
              Math.floor(value * 1e9),
          );
      },
    ),
  );
});

test('blame and preemptions have cause and culprit, and no class', () => {
  const named = name(
    sum(waitMetrics.blameTime, interval, [of('other', 6, neighbor)]),
    sum(waitMetrics.preemptions, interval, [of('other', 3, sibling), of('self', 2), of('kernel', 1)]),
  );
  assert.deepEqual(
    points(named, waitMetrics.blameTime).map(({ attributes }) => attributes),
    [{ ...neighbor, [waitAttributes.cause.key]: 'neighbor' }],
  );
  assert.deepEqual(
    points(named, waitMetrics.preemptions).map(({ attributes, value }) => [attributes, value]),
    [
      [{ ...sibling, [waitAttributes.cause.key]: 'sibling' }, 3],
      [{ [waitAttributes.cause.key]: 'self' }, 2],
      [{ [waitAttributes.cause.key]: 'kernel' }, 1],
    ],
  );
});

for (const signal of signalNames)
  test(`${signal}: an item with a class and a culprit gets its cause`, () => {
    const judged = process(
      mapBatch(batchWith(signal, { victim: ['a'] }), {
        resource: () => resource(victim),
        item: () => ({ [waitAttributes.class.key]: 'other', ...neighbor }),
      }),
    );
    mapBatch(judged, {
      resource: (each) => each,
      item(attributes) {
        assert.deepEqual(attributes, { ...neighbor, [waitAttributes.cause.key]: 'neighbor' });
        return attributes;
      },
    });
    assert.equal(itemCount(judged), 1);
  });

test('no two points of a metric have the same attributes', () => {
  const rest = { [culpritAttributes.cgroupId.key]: otherCulprit };
  const named = name(
    sum(waitMetrics.waitTime, interval, [of('other', 2), of('throttled', 3)]),
    sum(waitMetrics.blameTime, interval, [of('other', 2, rest), of('throttled', 3, rest)]),
  );
  assert.deepEqual(
    points(named, waitMetrics.blameTime).map(({ attributes, value }) => [attributes, value]),
    [[{ ...rest, [waitAttributes.cause.key]: 'unknown' }, 5]],
  );
  assert.deepEqual(byCause(named, waitMetrics.waitTime), { unknown: 5e9 });
});

test('points have the declared attributes of their metric, and no others', () => {
  const named = name(
    sum(waitMetrics.waitTime, interval, [of('other', 10), of('self', 1)]),
    sum(waitMetrics.blameTime, interval, [of('other', 6, neighbor), of('throttled', 1, ancestor)]),
    sum(waitMetrics.preemptions, interval, [of('other', 3, sibling)]),
  );
  for (const metric of [waitMetrics.waitTime, waitMetrics.blameTime, waitMetrics.preemptions])
    for (const { attributes } of points(named, metric))
      for (const key of Object.keys(attributes))
        assert.ok(
          metric.attributes.some((known) => known.key === key),
          `${metric.name} has ${key}`,
        );
});

test('points keep their interval', () => {
  const [point] = points(name(sum(waitMetrics.waitTime, interval, [of('self', 1)])), waitMetrics.waitTime);
  assert.deepEqual(
    [point?.startTime, point?.endTime],
    [
      [1, 0],
      [11, 0],
    ],
  );
});

test('points that have causes keep them', () => {
  const once = name(
    sum(waitMetrics.waitTime, interval, [of('other', 10), of('self', 1)]),
    sum(waitMetrics.blameTime, interval, [of('other', 6, neighbor)]),
    sum(waitMetrics.preemptions, interval, [of('other', 3, sibling)]),
  );
  assert.deepEqual(name(...once), once);
});

test('last runners get no cause and keep their attributes', () => {
  const left = sum(waitMetrics.lastRunnerTime, interval, [{ value: 2, attributes: { ...neighbor } }]);
  const wait = sum(waitMetrics.waitTime, interval, [of('other', 2)]);
  const named = name(left, wait);
  assert.deepEqual(points(named, waitMetrics.lastRunnerTime), left.dataPoints);
  assert.deepEqual(
    byCause(named, waitMetrics.waitTime),
    { unknown: 2e9 },
    'nor is the wait divided as they are',
  );
  for (const { attributes } of points(named, waitMetrics.lastRunnerTime))
    for (const key of Object.keys(attributes))
      assert.ok(
        waitMetrics.lastRunnerTime.attributes.some((known) => known.key === key),
        key,
      );
});

test('other metrics pass unchanged', () => {
  const duration = exponentialHistogram(waitMetrics.waitDuration, interval, [
    { value: histogramOf({ scale: 2, buckets: new Map([[1, 1]]), zeroCount: 0, sum: 1, max: 1 }) },
  ]);
  const run = sum(waitMetrics.runTime, interval, [{ value: 1 }]);
  const named = name(duration, run);
  assert.equal(named[0], duration);
  assert.equal(named[1], run);
});

test('the input batch is not changed', () => {
  const metric = sum(waitMetrics.preemptions, interval, [of('self', 2)]);
  const before: ResourceMetrics[] = [resourceMetrics(resource(victim), [metric])];
  process({ signal: 'metrics', resourceMetrics: before });
  assert.deepEqual(metric.dataPoints[0]?.attributes, { [waitAttributes.class.key]: 'self' });
});

// --- events

function causeOfEvent(attributes: Attributes): unknown {
  const record = event(waitEvent, {
    resource: resource(victim),
    at: interval.start,
    observed: interval.end,
    attributes,
  });
  const batch = process({ signal: 'logs', records: [record] });
  assert.ok(batch.signal === 'logs');
  return batch.records[0]?.attributes[waitAttributes.cause.key];
}

test('an event gets the cause of the longest part of its wait', () => {
  const parts = { [waitPart('self')]: 0.1, [waitPart('other')]: 0.5, [waitPart('idle')]: 0.2 };
  assert.equal(causeOfEvent({ ...parts, ...neighbor }), 'neighbor');
  assert.equal(causeOfEvent({ ...parts, [waitPart('steal')]: 0.6, ...neighbor }), 'steal');
  assert.equal(causeOfEvent({ [waitPart('throttled')]: 0.6, ...pod }), 'throttled');
});

test('an event without a culprit has the cause unknown', () => {
  assert.equal(causeOfEvent({ [waitPart('other')]: 0.5 }), 'unknown');
  assert.equal(causeOfEvent({ [waitPart('throttled')]: 0.5 }), 'unknown');
});

test('an event without parts gets no cause and is unchanged', () => {
  assert.equal(causeOfEvent({ [eventAttributes.duration.key]: 0 }), undefined);
});
