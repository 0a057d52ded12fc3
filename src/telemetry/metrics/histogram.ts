import type { ExponentialHistogram } from '@opentelemetry/sdk-metrics';

/** Arithmetic of OpenTelemetry's exponential histograms: bucket i covers (base^i, base^(i+1)], base = 2^(2^-scale). */

type Buckets = ExponentialHistogram['positive'];

/** OpenTelemetry's own default; a merge that would need more lowers the scale. */
export const maxBuckets = 160;

/** From sparse bucket counts of non-negative values, as the kernel keeps them. */
export function histogramOf(from: {
  readonly scale: number;
  readonly buckets: ReadonlyMap<number, number>;
  readonly zeroCount: number;
  readonly sum: number;
  readonly max?: number;
}): ExponentialHistogram {
  const indices = [...from.buckets.keys()].sort((a, b) => a - b);
  const offset = indices[0] ?? 0;
  const bucketCounts = new Array<number>((indices.at(-1) ?? offset - 1) - offset + 1).fill(0);
  let count = from.zeroCount;
  for (const [index, n] of from.buckets) {
    bucketCounts[index - offset] = n;
    count += n;
  }
  return {
    count,
    sum: from.sum,
    scale: from.scale,
    zeroCount: from.zeroCount,
    positive: { offset, bucketCounts },
    negative: { offset: 0, bucketCounts: [] },
    ...(from.max === undefined || count === 0 ? {} : { max: from.max }),
  };
}

/**
 * The value below which the fraction `q` of non-negative values lies, or undefined: there are none. It lies in the
 * bucket of the true quantile (nearest rank), geometrically interpolated and never above the known maximum.
 */
export function quantile(histogram: ExponentialHistogram, q: number): number | undefined {
  const { count, zeroCount, scale, positive, min = 0, max = Number.POSITIVE_INFINITY } = histogram;
  if (count === 0) return undefined;
  const rank = q * count;
  if (rank <= zeroCount && zeroCount > 0) return 0;
  let below = zeroCount;
  let value = 0;
  for (const [i, n] of positive.bucketCounts.entries()) {
    if (n === 0) continue;
    const within = Math.min((rank - below) / n, 1);
    value = 2 ** ((positive.offset + i + within) * 2 ** -scale);
    below += n;
    if (rank <= below) break;
  }
  return Math.min(Math.max(value, min), max);
}

/** Exact: each bucket of a coarser scale is a union of finer ones. */
export function downscale(histogram: ExponentialHistogram, scale: number): ExponentialHistogram {
  const steps = histogram.scale - scale;
  if (steps <= 0) return histogram;
  return {
    ...histogram,
    scale,
    positive: downscaleBuckets(histogram.positive, steps),
    negative: downscaleBuckets(histogram.negative, steps),
  };
}

/** Both together, at the finer scale they share and at most `maxBuckets` wide. */
export function merge(a: ExponentialHistogram, b: ExponentialHistogram): ExponentialHistogram {
  let scale = Math.min(a.scale, b.scale);
  let x = downscale(a, scale);
  let y = downscale(b, scale);
  while (span(x.positive, y.positive) > maxBuckets || span(x.negative, y.negative) > maxBuckets) {
    scale -= 1;
    x = downscale(x, scale);
    y = downscale(y, scale);
  }
  const max = ifBoth(a.max, b.max, Math.max);
  const min = ifBoth(a.min, b.min, Math.min);
  const sum = ifBoth(a.sum, b.sum, (s, t) => s + t);
  return {
    count: a.count + b.count,
    zeroCount: a.zeroCount + b.zeroCount,
    scale,
    positive: add(x.positive, y.positive),
    negative: add(x.negative, y.negative),
    ...(sum === undefined ? {} : { sum }),
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
  };
}

function downscaleBuckets({ offset, bucketCounts }: Buckets, steps: number): Buckets {
  if (bucketCounts.length === 0) return { offset: 0, bucketCounts };
  const coarse = (index: number) => Math.floor(index / 2 ** steps);
  const first = coarse(offset);
  const counts = new Array<number>(coarse(offset + bucketCounts.length - 1) - first + 1).fill(0);
  for (const [i, n] of bucketCounts.entries()) {
    const at = coarse(offset + i) - first;
    counts[at] = (counts[at] ?? 0) + n;
  }
  return { offset: first, bucketCounts: counts };
}

function span(a: Buckets, b: Buckets): number {
  if (a.bucketCounts.length === 0) return b.bucketCounts.length;
  if (b.bucketCounts.length === 0) return a.bucketCounts.length;
  return end(a, b) - Math.min(a.offset, b.offset);
}

function end(a: Buckets, b: Buckets): number {
  return Math.max(a.offset + a.bucketCounts.length, b.offset + b.bucketCounts.length);
}

function add(a: Buckets, b: Buckets): Buckets {
  if (a.bucketCounts.length === 0) return b;
  if (b.bucketCounts.length === 0) return a;
  const offset = Math.min(a.offset, b.offset);
  const bucketCounts = Array.from(
    { length: end(a, b) - offset },
    (_, i) => (a.bucketCounts[offset + i - a.offset] ?? 0) + (b.bucketCounts[offset + i - b.offset] ?? 0),
  );
  return { offset, bucketCounts };
}

function ifBoth(
  a: number | undefined,
  b: number | undefined,
  combine: (a: number, b: number) => number,
): number | undefined {
  return a === undefined || b === undefined ? undefined : combine(a, b);
}
