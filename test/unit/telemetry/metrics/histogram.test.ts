import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  downscale,
  histogramOf,
  maxBuckets,
  merge,
  quantile,
} from '../../../../src/telemetry/metrics/histogram.ts';

/** Seconds from 100 ns to 100 s, and now and then none at all. */
const wait = fc.oneof(
  { arbitrary: fc.double({ min: -7, max: 2, noNaN: true }).map((exponent) => 10 ** exponent), weight: 9 },
  { arbitrary: fc.constant(0), weight: 1 },
);
const waits = fc.array(wait, { minLength: 1, maxLength: 200 });
const scale = fc.integer({ min: -2, max: 4 });

const bucketOf = (value: number, at: number) => Math.ceil(Math.log2(value) * 2 ** at) - 1;

function histogram(values: readonly number[], at: number) {
  const buckets = new Map<number, number>();
  for (const value of values.filter((v) => v > 0)) {
    const index = bucketOf(value, at);
    buckets.set(index, (buckets.get(index) ?? 0) + 1);
  }
  return histogramOf({
    scale: at,
    buckets,
    zeroCount: values.filter((v) => v === 0).length,
    sum: values.reduce((sum, v) => sum + v, 0),
    max: Math.max(0, ...values),
  });
}

test('a histogram counts every value, zeros included', () => {
  fc.assert(
    fc.property(waits, scale, (values, at) => {
      const { count, zeroCount, positive } = histogram(values, at);
      assert.equal(count, values.length);
      assert.equal(zeroCount + positive.bucketCounts.reduce((a, b) => a + b, 0), values.length);
    }),
  );
});

test('a quantile lies in the bucket of the value of that rank', () => {
  fc.assert(
    fc.property(waits, scale, fc.double({ min: 0.001, max: 1, noNaN: true }), (values, at, q) => {
      const sorted = values.toSorted((a, b) => a - b);
      const exact = sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
      const estimate = quantile(histogram(values, at), q) ?? Number.NaN;
      if (exact === 0) return assert.equal(estimate, 0);
      const lower = 2 ** (bucketOf(exact, at) * 2 ** -at);
      const upper = 2 ** ((bucketOf(exact, at) + 1) * 2 ** -at);
      assert.ok(estimate >= lower * 0.999999 && estimate <= upper * 1.000001, `${estimate} for ${exact}`);
    }),
  );
});

test('no quantile exceeds the known maximum', () => {
  const one = histogramOf({ scale: 0, buckets: new Map([[0, 1]]), zeroCount: 0, sum: 1.1, max: 1.1 });
  assert.equal(quantile(one, 0.99), 1.1);
});

test('a quantile falls between buckets where the values do', () => {
  const buckets = new Map([
    [-10, 50],
    [0, 50],
  ]);
  const two = histogramOf({ scale: 0, buckets, zeroCount: 0, sum: 60, max: 2 });
  assert.equal(quantile(two, 0.5), 2 ** -9);
  assert.equal(quantile(two, 0.75), 2 ** 0.5);
});

test('an empty histogram has no quantile', () => {
  assert.equal(quantile(histogram([], 2), 0.5), undefined);
});

test('scaling down equals counting at the coarser scale', () => {
  fc.assert(
    fc.property(waits, fc.integer({ min: 0, max: 4 }), (values, steps) => {
      const coarse = downscale(histogram(values, 2), 2 - steps);
      // The fine index of a value on a bucket's edge may be rounded; so compare through fine indices, not values.
      const expected = new Map<number, number>();
      for (const value of values.filter((v) => v > 0)) {
        const index = Math.floor(bucketOf(value, 2) / 2 ** steps);
        expected.set(index, (expected.get(index) ?? 0) + 1);
      }
      assert.deepEqual(
        coarse,
        histogramOf({
          scale: 2 - steps,
          buckets: expected,
          zeroCount: values.filter((v) => v === 0).length,
          sum: values.reduce((sum, v) => sum + v, 0),
          max: Math.max(0, ...values),
        }),
      );
    }),
  );
});

test('merging equals counting all values together', () => {
  fc.assert(
    fc.property(waits, waits, scale, (one, other, at) => {
      const merged = merge(histogram(one, at), histogram(other, at));
      const together = histogram([...one, ...other], at);
      assert.deepEqual({ ...merged, sum: 0 }, { ...downscale(together, merged.scale), sum: 0 });
      assert.ok(Math.abs((merged.sum ?? 0) - (together.sum ?? 0)) < 1e-9);
    }),
  );
});

test('merging different scales takes the coarser one', () => {
  fc.assert(
    fc.property(waits, waits, scale, scale, (one, other, at, otherAt) => {
      const merged = merge(histogram(one, at), histogram(other, otherAt));
      assert.ok(merged.scale <= Math.min(at, otherAt));
      assert.equal(merged.count, one.length + other.length);
    }),
  );
});

test('merging far apart histograms lowers the scale instead of growing without bound', () => {
  const at = (index: number) =>
    histogramOf({ scale: 4, buckets: new Map([[index, 3]]), zeroCount: 0, sum: 1, max: 1 });
  const merged = merge(at(-100_000), at(100_000));
  assert.ok(merged.positive.bucketCounts.length <= maxBuckets);
  assert.equal(
    merged.positive.bucketCounts.reduce((a, b) => a + b, 0),
    6,
  );
});

test('a merge changes neither of its parts', () => {
  const [one, other] = [histogram([0.1, 0.2], 2), histogram([0.4], 2)];
  const before = structuredClone([one, other]);
  merge(one, other);
  assert.deepEqual([one, other], before);
});
