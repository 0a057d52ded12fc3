import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DataPoint } from '@opentelemetry/sdk-metrics';
import fc from 'fast-check';
import type { Metric } from '../../../../src/telemetry/emits.ts';
import { exponentialHistogram, gauge, sum } from '../../../../src/telemetry/metrics/build.ts';
import { histogramOf } from '../../../../src/telemetry/metrics/histogram.ts';
import { mergePoints } from '../../../../src/telemetry/metrics/merge.ts';
import { waitMetrics } from '../../../../src/telemetry/metrics/wait.ts';
import type { UnixNanoseconds } from '../../../../src/telemetry/units.ts';

const interval = { start: 0n as UnixNanoseconds, end: 1n as UnixNanoseconds };

test('points of a sum with equal attributes in any order become one', () => {
  const metric = sum(waitMetrics.blameTime, interval, [
    { value: 1, attributes: { a: 'x', b: 1 } },
    { value: 2, attributes: { a: 'y' } },
    { value: 4, attributes: { b: 1, a: 'x' } },
    { value: 8, attributes: { a: 'x', b: '1' } },
  ]);
  const { dataPoints } = mergePoints(metric);
  assert.deepEqual(
    dataPoints.map(({ value }) => value),
    [5, 2, 8],
  );
});

test('histograms are merged', () => {
  const value = histogramOf({ scale: 2, buckets: new Map([[1, 3]]), zeroCount: 1, sum: 2 });
  const { dataPoints } = mergePoints(
    exponentialHistogram(waitMetrics.waitDuration, interval, [{ value }, { value }]),
  );
  const [only, ...more] = dataPoints as DataPoint<typeof value>[];
  assert.equal(more.length, 0);
  assert.equal(only?.value.count, 8);
  assert.equal(only?.value.sum, 4);
});

test('gauges pass unchanged', () => {
  const level = { ...waitMetrics.runTime, kind: 'gauge' } as const satisfies Metric;
  const metric = gauge(level, interval, [{ value: 1 }, { value: 2 }]);
  assert.equal(mergePoints(metric), metric);
});

test('a merge keeps the sum and leaves no two points with equal attributes', () => {
  const point = fc.record({
    value: fc.nat(1000),
    attributes: fc.dictionary(
      fc.constantFrom('a', 'b'),
      fc.oneof(fc.nat(2), fc.constantFrom('0', 'x', 'y'), fc.constant(['x']), fc.uuid()),
    ),
  });
  fc.assert(
    fc.property(fc.array(point, { maxLength: 30 }), (points) => {
      const merged = mergePoints(sum(waitMetrics.blameTime, interval, points))
        .dataPoints as DataPoint<number>[];
      const total = (of: readonly { readonly value: number }[]) =>
        of.reduce((all, { value }) => all + value, 0);
      assert.equal(total(merged), total(points));
      const keys = merged.map(({ attributes: { a, b } }) => JSON.stringify([a, b]));
      assert.equal(new Set(keys).size, keys.length);
    }),
  );
});
