import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  AggregationTemporality,
  DataPointType,
  type ExponentialHistogramMetricData,
  type HistogramMetricData,
  type MetricData,
  type ResourceMetrics,
  type SumMetricData,
} from '@opentelemetry/sdk-metrics';
import fc from 'fast-check';
import { resourceAttributes } from '../../../../src/telemetry/attributes/resource.ts';
import { waitAttributes } from '../../../../src/telemetry/attributes/wait.ts';
import { createCounters } from '../../../../src/telemetry/counters.ts';
import {
  exponentialHistogram,
  gauge,
  type Interval,
  resource,
  resourceMetrics,
  sum,
} from '../../../../src/telemetry/metrics/build.ts';
import { histogramOf } from '../../../../src/telemetry/metrics/histogram.ts';
import { createCumulative, cumulativeCounters } from '../../../../src/telemetry/metrics/temporality.ts';
import { waitMetrics } from '../../../../src/telemetry/metrics/wait.ts';
import { hrTime, seconds, type UnixNanoseconds } from '../../../../src/telemetry/units.ts';

const tick = 10_000_000_000n;
const begin = 1_700_000_000_000_000_000n;
const interval = (n: number): Interval => ({
  start: (begin + BigInt(n) * tick) as UnixNanoseconds,
  end: (begin + BigInt(n + 1) * tick) as UnixNanoseconds,
});

function setUp({ maxStreams = 1000, maxStale = seconds(60) } = {}) {
  const counters = createCounters();
  return {
    counters,
    cumulative: createCumulative({ maxStreams, maxStale, counters, exporter: 'otlp_grpc' }),
  };
}

const workload = (name: string, ...of: readonly MetricData[]): ResourceMetrics =>
  resourceMetrics(resource({ [resourceAttributes.serviceInstanceId.key]: name }), of);

const run = (n: number, value: number) => sum(waitMetrics.runTime, interval(n), [{ value }]);

function onlyPoint(batch: readonly ResourceMetrics[]) {
  const metric = batch[0]?.scopeMetrics[0]?.metrics[0] as SumMetricData;
  assert.equal(metric.dataPoints.length, 1);
  // The length was checked.
  return { metric, point: metric.dataPoints[0] as SumMetricData['dataPoints'][number] };
}

test('a cumulative value is the sum of all deltas of its series', () => {
  const delta = fc.record({
    workload: fc.constantFrom('a', 'b'),
    cause: fc.constantFrom('self', 'idle'),
    value: fc.nat(1_000_000),
  });
  fc.assert(
    fc.property(fc.array(fc.array(delta, { maxLength: 6 }), { maxLength: 20 }), (batches) => {
      const { cumulative } = setUp({ maxStale: seconds(1e6) });
      const expected = new Map<string, number>();
      for (const [n, deltas] of batches.entries()) {
        const batch = deltas.map(({ workload: name, cause, value }) =>
          workload(
            name,
            sum(waitMetrics.waitTime, interval(n), [
              { value, attributes: { [waitAttributes.cause.key]: cause } },
            ]),
          ),
        );
        const totals = cumulative(batch);
        for (const [i, { workload: name, cause, value }] of deltas.entries()) {
          const key = `${name} ${cause}`;
          expected.set(key, (expected.get(key) ?? 0) + value);
          assert.equal(onlyPoint(totals.slice(i)).point.value, expected.get(key));
        }
      }
    }),
  );
});

test('a series starts once and ends with each batch', () => {
  const { cumulative } = setUp();
  cumulative([workload('a', run(0, 1))]);
  const { metric, point } = onlyPoint(cumulative([workload('a', run(1, 2))]));
  assert.equal(metric.aggregationTemporality, AggregationTemporality.CUMULATIVE);
  assert.deepEqual(point.startTime, hrTime(interval(0).start));
  assert.deepEqual(point.endTime, hrTime(interval(1).end));
  assert.equal(point.value, 3);
});

test('histograms add up bucket by bucket', () => {
  const { cumulative } = setUp();
  const of = (bucket: number, n: number) =>
    workload(
      'a',
      exponentialHistogram(waitMetrics.waitDuration, interval(n), [
        {
          value: histogramOf({ scale: 2, buckets: new Map([[bucket, 5]]), zeroCount: 1, sum: 0.5, max: 0.2 }),
        },
      ]),
    );
  cumulative([of(-20, 0)]);
  const total = cumulative([of(-18, 1)])[0]?.scopeMetrics[0]?.metrics[0] as ExponentialHistogramMetricData;
  assert.deepEqual(
    total.dataPoints[0]?.value,
    histogramOf({
      scale: 2,
      buckets: new Map([
        [-20, 5],
        [-18, 5],
      ]),
      zeroCount: 2,
      sum: 1,
      max: 0.2,
    }),
  );
});

test('the order of attributes does not make a new series', () => {
  const { cumulative } = setUp();
  const of = (n: number, names: object) =>
    workload('a', sum(waitMetrics.blameTime, interval(n), [{ value: 1, attributes: { ...names } }]));
  cumulative([of(0, { x: 'a', y: 'b' })]);
  assert.equal(onlyPoint(cumulative([of(1, { y: 'b', x: 'a' })])).point.value, 2);
});

test('gauges pass unchanged', () => {
  const { cumulative } = setUp();
  const score = { ...waitMetrics.runTime, kind: 'gauge' } as const;
  const batch = [workload('a', gauge(score, interval(0), [{ value: 7 }]))];
  cumulative(batch);
  assert.deepEqual(cumulative(batch), batch);
});

test('a cumulative metric passes unchanged', () => {
  const { cumulative } = setUp();
  const batch = [
    workload('a', { ...run(0, 4), aggregationTemporality: AggregationTemporality.CUMULATIVE } as MetricData),
  ];
  cumulative(batch);
  assert.deepEqual(cumulative(batch), batch);
});

test('the batch itself is not changed', () => {
  const { cumulative } = setUp();
  const batch = () => [workload('a', run(0, 1), sum(waitMetrics.waitTime, interval(0), [{ value: 2 }]))];
  const [first, second] = [batch(), batch()];
  cumulative(first);
  cumulative(second);
  assert.deepEqual(first[0]?.scopeMetrics, batch()[0]?.scopeMetrics);
  assert.deepEqual(second[0]?.scopeMetrics, batch()[0]?.scopeMetrics);
});

test('a series unseen for longer than maxStale is forgotten, counted, and starts anew', () => {
  const { cumulative, counters } = setUp({ maxStale: seconds(60) });
  cumulative([workload('gone', run(0, 5))]);
  for (let n = 1; n <= 7; n++) cumulative([workload('stays', run(n, 1))]);
  assert.deepEqual(counters.read(), [
    { metric: cumulativeCounters.seriesForgotten, attributes: { exporter: 'otlp_grpc' }, value: 1 },
  ]);
  const { point } = onlyPoint(cumulative([workload('gone', run(8, 2))]));
  assert.equal(point.value, 2);
  assert.deepEqual(point.startTime, hrTime(interval(8).start));
});

test('a series beyond maxStreams is dropped and counted; known series continue', () => {
  const { cumulative, counters } = setUp({ maxStreams: 1 });
  cumulative([workload('a', run(0, 1))]);
  const totals = cumulative([workload('a', run(1, 1)), workload('b', run(1, 1))]);
  assert.equal(onlyPoint(totals).point.value, 2);
  assert.deepEqual(totals[1]?.scopeMetrics[0]?.metrics[0]?.dataPoints, []);
  assert.deepEqual(counters.read(), [
    {
      metric: cumulativeCounters.pointsDropped,
      attributes: { exporter: 'otlp_grpc', reason: 'max_streams' },
      value: 1,
    },
  ]);
});

test('room freed by a forgotten series is used again', () => {
  const { cumulative } = setUp({ maxStreams: 1, maxStale: seconds(15) });
  cumulative([workload('a', run(0, 1))]);
  cumulative([workload('b', run(5, 1))]);
  assert.equal(onlyPoint(cumulative([workload('b', run(6, 1))])).point.value, 1);
});

test('histograms of explicit bounds add up, and begin anew with other bounds', () => {
  const { cumulative } = setUp();
  const of = (n: number, boundaries: number[], counts: number[]): HistogramMetricData => ({
    ...run(n, 0),
    dataPointType: DataPointType.HISTOGRAM,
    dataPoints: [
      {
        ...{ attributes: {}, startTime: hrTime(interval(n).start), endTime: hrTime(interval(n).end) },
        value: { buckets: { boundaries, counts }, count: counts.reduce((a, b) => a + b, 0), sum: 1 },
      },
    ],
  });
  const totals = (metric: HistogramMetricData) => {
    const total = cumulative([workload('a', metric)])[0]?.scopeMetrics[0]?.metrics[0] as HistogramMetricData;
    assert.equal(total.aggregationTemporality, AggregationTemporality.CUMULATIVE);
    const { startTime, value } = total.dataPoints[0] ?? assert.fail();
    return [startTime, value.buckets.counts, value.count, value.sum];
  };
  const start = (n: number) => hrTime(interval(n).start);
  assert.deepEqual(totals(of(0, [1], [1, 2])), [start(0), [1, 2], 3, 1]);
  assert.deepEqual(totals(of(1, [1], [3, 0])), [start(0), [4, 2], 6, 2]);
  assert.deepEqual(totals(of(2, [5], [1, 0])), [start(2), [1, 0], 1, 1]);
});
