import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Attributes } from '@opentelemetry/api';
import type { MetricData } from '@opentelemetry/sdk-metrics';
import type { Batch } from '../../src/telemetry/batch.ts';
import { event, gauge, type Interval, resource, resourceMetrics, sum } from '../../src/telemetry/build.ts';
import { mapAttributes } from '../../src/telemetry/map-attributes.ts';
import type { UnixNanoseconds } from '../../src/telemetry/units.ts';
import { events, type Metric, metrics } from '../../src/telemetry/vocabulary.ts';

const interval: Interval = { start: 0n as UnixNanoseconds, end: 1_000_000_000n as UnixNanoseconds };
const level = { ...metrics.runTime, kind: 'gauge' } as const satisfies Metric;

/** Marks what it sees, so that a test sees who was asked for what. */
const maps = {
  resource: (attributes: Attributes) => ({ ...attributes, seen: 'resource' }),
  item: (attributes: Attributes) => ({ ...attributes, seen: 'item' }),
};

const metricBatch = (): Batch => ({
  signal: 'metrics',
  resourceMetrics: [
    resourceMetrics(resource({ of: 'a' }), [
      sum(metrics.runTime, interval, [{ value: 1, attributes: { n: 1 } }, { value: 2 }]),
      gauge(level, interval, [{ value: 3 }]),
    ]),
    resourceMetrics(resource({ of: 'b' }), []),
  ],
});

test('resources and points of metrics get new attributes, everything else stays', () => {
  const before = metricBatch();
  const after = mapAttributes(before, maps);
  assert.ok(before.signal === 'metrics' && after.signal === 'metrics');
  assert.deepEqual(
    after.resourceMetrics.map((of) => of.resource.attributes),
    [
      { of: 'a', seen: 'resource' },
      { of: 'b', seen: 'resource' },
    ],
  );
  const [scope] = after.resourceMetrics[0]?.scopeMetrics ?? [];
  assert.deepEqual(
    scope?.metrics.map(({ dataPoints }) => dataPoints.map(({ value, attributes }) => [value, attributes])),
    [
      [
        [1, { n: 1, seen: 'item' }],
        [2, { seen: 'item' }],
      ],
      [[3, { seen: 'item' }]],
    ],
  );
  const [former] = before.resourceMetrics[0]?.scopeMetrics ?? [];
  assert.deepEqual(
    scope?.metrics.map(({ descriptor, dataPointType }) => [descriptor, dataPointType]),
    former?.metrics.map(({ descriptor, dataPointType }) => [descriptor, dataPointType]),
  );
  assert.deepEqual(scope?.scope, former?.scope);
});

test('a batch is not changed by being mapped', () => {
  const before = metricBatch();
  mapAttributes(before, maps);
  const seen = before.signal === 'metrics' ? before.resourceMetrics : [];
  assert.ok(seen.every((of) => !('seen' in of.resource.attributes)));
  const points = seen
    .flatMap((of) => of.scopeMetrics.flatMap((scope) => scope.metrics))
    .flatMap(dataPointsOf);
  assert.equal(points.length, 3);
  assert.ok(points.every(({ attributes }) => !('seen' in attributes)));
});

test('log records that share a resource go on sharing one, and it is mapped once', () => {
  const shared = resource({ of: 'a' });
  const record = (of = shared) =>
    event(events.wait, { resource: of, at: interval.start, observed: interval.end, attributes: { n: 1 } });
  let asked = 0;
  const after = mapAttributes(
    { signal: 'logs', records: [record(), record(), record(resource({ of: 'b' }))] },
    {
      ...maps,
      resource: (attributes) => {
        asked++;
        return maps.resource(attributes);
      },
    },
  );
  assert.ok(after.signal === 'logs');
  const [first, second, third] = after.records;
  assert.equal(asked, 2);
  assert.equal(first?.resource, second?.resource);
  assert.deepEqual(third?.resource.attributes, { of: 'b', seen: 'resource' });
  assert.deepEqual(first?.attributes, { n: 1, seen: 'item' });
  assert.equal(first?.eventName, 'earshot.wait');
});

function dataPointsOf({ dataPoints }: MetricData): readonly { readonly attributes: Attributes }[] {
  return dataPoints;
}
