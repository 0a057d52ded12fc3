import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DataPointType, type Histogram } from '@opentelemetry/sdk-metrics';
import { additionOf } from '../../../../src/telemetry/metrics/add-values.ts';

const add = (dataPointType: DataPointType, a: unknown, b: unknown) =>
  additionOf({ dataPointType })?.(a as never, b as never);

const histogram = (boundaries: number[], counts: number[], sum?: number): Histogram => ({
  buckets: { boundaries, counts },
  count: counts.reduce((total, count) => total + count, 0),
  ...(sum !== undefined && { sum }),
});

test('sums add up, levels do not', () => {
  assert.equal(add(DataPointType.SUM, 1, 2), 3);
  assert.equal(additionOf({ dataPointType: DataPointType.GAUGE }), undefined);
});

test('histograms of equal bounds add up; a sum that one lacks, the total lacks', () => {
  const [a, b] = [histogram([1, 2], [1, 0, 2], 5), histogram([1, 2], [0, 3, 1], 7)];
  assert.deepEqual(add(DataPointType.HISTOGRAM, a, b), histogram([1, 2], [1, 3, 3], 12));
  assert.deepEqual(
    add(DataPointType.HISTOGRAM, a, histogram([1, 2], [0, 0, 1])),
    histogram([1, 2], [1, 0, 3]),
  );
});

test('histograms of other bounds do not add up', () => {
  const of = (bounds: number[]) => histogram(bounds, [1, 1, 1].slice(0, bounds.length + 1), 1);
  assert.equal(add(DataPointType.HISTOGRAM, of([1, 2]), of([1, 3])), undefined);
  assert.equal(add(DataPointType.HISTOGRAM, of([1, 2]), of([1])), undefined);
});
