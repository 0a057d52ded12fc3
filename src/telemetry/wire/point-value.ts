import { ValueType } from '@opentelemetry/api';
import type { ExponentialHistogram, Histogram } from '@opentelemetry/sdk-metrics';
import type { Summary } from '../metrics/summary.ts';
import type { Message } from './proto.ts';
import type { AttributedMessage } from './received.ts';

/** Names of a metric's data in its message. */
export const kinds = ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary'] as const;
export type Kind = (typeof kinds)[number];

interface Buckets {
  readonly offset?: number;
  readonly bucketCounts?: readonly bigint[];
}

/** The fields of points of all kinds. */
export interface PointMessage extends AttributedMessage {
  readonly startTimeUnixNano?: bigint;
  readonly timeUnixNano?: bigint;
  readonly asInt?: bigint;
  readonly asDouble?: number;
  readonly count?: bigint;
  readonly sum?: number;
  readonly min?: number;
  readonly max?: number;
  readonly bucketCounts?: readonly bigint[];
  readonly explicitBounds?: readonly number[];
  readonly scale?: number;
  readonly zeroCount?: bigint;
  readonly positive?: Buckets;
  readonly negative?: Buckets;
  readonly quantileValues?: readonly { readonly quantile?: number; readonly value?: number }[];
}

/** A point's value as components see it; NaN where a source has none. */
export function valueIn(
  point: PointMessage,
  kind: Kind,
): number | Histogram | ExponentialHistogram | Summary {
  switch (kind) {
    case 'gauge':
    case 'sum':
      return point.asInt === undefined ? (point.asDouble ?? Number.NaN) : Number(point.asInt);
    case 'histogram':
      return {
        buckets: {
          boundaries: [...(point.explicitBounds ?? [])],
          counts: (point.bucketCounts ?? []).map(Number),
        },
        ...ofAll(point),
      };
    case 'exponentialHistogram':
      return {
        ...ofAll(point),
        scale: point.scale ?? 0,
        zeroCount: Number(point.zeroCount ?? 0n),
        positive: bucketsIn(point.positive),
        negative: bucketsIn(point.negative),
      };
    case 'summary':
      return {
        count: Number(point.count ?? 0n),
        sum: point.sum ?? 0,
        quantiles: (point.quantileValues ?? []).map(({ quantile = 0, value = 0 }) => ({ quantile, value })),
      };
  }
}

const ofAll = ({ count = 0n, sum, min, max }: PointMessage) => ({
  count: Number(count),
  ...(sum !== undefined && { sum }),
  ...(min !== undefined && { min }),
  ...(max !== undefined && { max }),
});

const bucketsIn = ({ offset = 0, bucketCounts = [] }: Buckets = {}) => ({
  offset,
  bucketCounts: bucketCounts.map(Number),
});

/** A value that a component made, as the fields of a point. */
export function fieldsOf(value: unknown, kind: Kind, valueType: ValueType): Message {
  switch (kind) {
    case 'gauge':
    case 'sum':
      return valueType === ValueType.INT && Number.isSafeInteger(value)
        ? { asInt: BigInt(value as number), asDouble: undefined }
        : { asDouble: value, asInt: undefined };
    case 'histogram': {
      const { buckets, count, sum, min, max } = value as Histogram;
      const { boundaries, counts } = buckets;
      return {
        count: BigInt(count),
        sum,
        min,
        max,
        explicitBounds: boundaries,
        bucketCounts: counts.map(BigInt),
      };
    }
    case 'exponentialHistogram': {
      const { positive, negative, count, zeroCount, scale, sum, min, max } = value as ExponentialHistogram;
      return {
        ...{ count: BigInt(count), zeroCount: BigInt(zeroCount), scale, sum, min, max },
        positive: bucketsOf(positive),
        negative: bucketsOf(negative),
      };
    }
    case 'summary': {
      const { count, sum, quantiles } = value as Summary;
      return { count: BigInt(count), sum, quantileValues: quantiles };
    }
  }
}

const bucketsOf = ({ offset, bucketCounts }: ExponentialHistogram['positive']) => ({
  offset,
  bucketCounts: bucketCounts.map(BigInt),
});
