import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ExponentialHistogram } from '@opentelemetry/sdk-metrics';
import fc from 'fast-check';
import { type NativeBuckets, nativeOf } from '../../../../src/exporters/prometheus/exposition/native.ts';

const none = { offset: 0, bucketCounts: [] };

const histogram = (scale: number, positive: ExponentialHistogram['positive'], negative = none) => ({
  ...{ scale, positive, negative, zeroCount: 3, sum: 1 },
  count: 3 + positive.bucketCounts.reduce((sum, count) => sum + count, 0),
});

/** Counts by index, as Prometheus reads spans. */
function read({ spans, deltas }: NativeBuckets): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  let index = 0;
  let count = 0;
  let at = 0;
  for (const { offset, length } of spans) {
    index += offset;
    for (let n = 0; n < length; n++, index++) {
      count += deltas[at++] ?? assert.fail('a span is longer than its buckets');
      if (count > 0) counts.set(index, count);
    }
  }
  assert.equal(at, deltas.length);
  return counts;
}

test('a bucket is found at the index of its upper bound', () => {
  const native = nativeOf(histogram(0, { offset: -2, bucketCounts: [5, 0, 7] }));
  // (1/4, 1/2] ends at 2^-1, (1, 2] at 2^1
  assert.deepEqual(native?.positive, { spans: [{ offset: -1, length: 3 }], deltas: [5, -5, 7] });
  assert.equal(native?.schema, 0);
  assert.equal(native?.zeroCount, 3);
});

test('a gap of more than two buckets begins another span', () => {
  const native = nativeOf(histogram(3, { offset: 0, bucketCounts: [1, 0, 0, 1, 0, 0, 0, 4] }));
  assert.deepEqual(native?.positive, {
    spans: [
      { offset: 1, length: 4 },
      { offset: 3, length: 1 },
    ],
    deltas: [1, -1, 0, 1, 3],
  });
});

test('a scale above 8 is merged to 8; one below -4 is no native histogram', () => {
  const native = nativeOf(histogram(9, { offset: 1, bucketCounts: [1, 2, 4] }));
  assert.equal(native?.schema, 8);
  assert.deepEqual(
    [...read(native?.positive ?? assert.fail())],
    [
      [1, 1],
      [2, 6],
    ],
  );
  assert.equal(nativeOf(histogram(-5, { offset: 0, bucketCounts: [1] })), undefined);
  assert.equal(nativeOf(histogram(-4, { offset: 0, bucketCounts: [1] }))?.schema, -4);
});

test('spans hold each bucket once', () => {
  const side = fc.record({
    offset: fc.integer({ min: -50, max: 50 }),
    bucketCounts: fc.array(fc.constantFrom(0, 0, 0, 1, 7), { maxLength: 40 }),
  });
  fc.assert(
    fc.property(side, side, (positive, negative) => {
      const native = nativeOf(histogram(2, positive, negative as never)) ?? assert.fail();
      for (const [own, { offset, bucketCounts }] of [
        [native.positive, positive],
        [native.negative, negative],
      ] as const) {
        const expected = bucketCounts.flatMap((count, at) => (count > 0 ? [[offset + at + 1, count]] : []));
        assert.deepEqual([...read(own)], expected);
      }
    }),
  );
});
