import type { ExponentialHistogram, Histogram } from '@opentelemetry/sdk-metrics';
import { downscale } from '../../../telemetry/metrics/histogram.ts';
import { type BoundRange, type Distribution, type Family, isExponential } from '../families.ts';

/** A classic bucket: how many values are at most the bound. */
export interface ClassicBucket {
  readonly bound: number;
  readonly atMost: number;
}

/**
 * The bounds of a metric's exponential histograms as classic ones. They are shared, so that buckets of different series add
 * up, and never become fewer, so that none ends while it is looked at. Undefined: no value was above 0.
 */
export function widenBounds(family: Family): BoundRange | undefined {
  let range = family.bounds;
  for (const { value } of family.samples) {
    const own = isExponential(value) ? rangeOf(value) : undefined;
    if (own === undefined) continue;
    range = range ? { first: Math.min(range.first, own.first), last: Math.max(range.last, own.last) } : own;
  }
  if (range) family.bounds = range;
  return range;
}

function rangeOf(histogram: ExponentialHistogram): BoundRange | undefined {
  const { positive, scale } = downscale(histogram, 0);
  const count = positive.bucketCounts.length;
  if (count === 0) return undefined;
  const width = 2 ** -scale;
  return { first: (positive.offset + 1) * width, last: (positive.offset + count) * width };
}

/** Without the bucket of all values. `range`: of the family. */
export function classicBuckets(value: Distribution, range: BoundRange | undefined): readonly ClassicBucket[] {
  if (!isExponential(value)) return ofExplicit(value);
  return range ? ofExponential(value, range) : [];
}

/** Exact, as each power of two is a bound of the histogram's own. Values below 0 are in the first bucket. */
function ofExponential(
  histogram: ExponentialHistogram,
  { first, last }: BoundRange,
): readonly ClassicBucket[] {
  const { positive, negative, zeroCount, scale } = downscale(histogram, 0);
  const buckets: ClassicBucket[] = [];
  let atMost = zeroCount + negative.bucketCounts.reduce((sum, count) => sum + count, 0);
  let at = 0;
  for (let power = first; power <= last; power++) {
    while (at < positive.bucketCounts.length && (positive.offset + at + 1) * 2 ** -scale <= power)
      atMost += positive.bucketCounts[at++] ?? 0;
    buckets.push({ bound: 2 ** power, atMost });
  }
  return buckets;
}

function ofExplicit({ buckets: { boundaries, counts } }: Histogram): readonly ClassicBucket[] {
  let atMost = 0;
  return boundaries.map((bound, at) => {
    atMost += counts[at] ?? 0;
    return { bound, atMost };
  });
}
