import type { ExponentialHistogram } from '@opentelemetry/sdk-metrics';
import { downscale } from '../../../telemetry/metrics/histogram.ts';

/** Buckets without those that are empty, each as the difference to the one before. */
export interface NativeBuckets {
  readonly spans: readonly { readonly offset: number; readonly length: number }[];
  readonly deltas: readonly number[];
}

export interface NativeHistogram {
  readonly schema: number;
  readonly zeroCount: number;
  readonly positive: NativeBuckets;
  readonly negative: NativeBuckets;
}

/** Resolutions of Prometheus. */
const schemas = { least: -4, most: 8 };

/** As many empty buckets are cheaper than the beginning of another span. */
const gapInSpan = 2;

/** Undefined: it is coarser than Prometheus has them. */
export function nativeOf(histogram: ExponentialHistogram): NativeHistogram | undefined {
  const { scale, zeroCount, positive, negative } = downscale(histogram, schemas.most);
  if (scale < schemas.least) return undefined;
  return { schema: scale, zeroCount, positive: sparse(positive), negative: sparse(negative) };
}

/** A bucket of OpenTelemetry has its lower bound for an index, one of Prometheus its upper. */
function sparse({ offset, bucketCounts }: ExponentialHistogram['positive']): NativeBuckets {
  const spans: { offset: number; length: number }[] = [];
  const deltas: number[] = [];
  let next = 0; // index of Prometheus behind the last bucket
  let before = 0;
  const add = (count: number) => {
    deltas.push(count - before);
    before = count;
  };
  for (const [at, count] of bucketCounts.entries()) {
    if (count === 0) continue;
    const index = offset + at + 1;
    const gap = index - next;
    const last = spans.at(-1);
    if (last === undefined || gap > gapInSpan) spans.push({ offset: gap, length: 1 });
    else {
      for (let empty = 0; empty < gap; empty++) add(0);
      last.length += gap + 1;
    }
    add(count);
    next = index + 1;
  }
  return { spans, deltas };
}
