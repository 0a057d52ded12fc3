import type { HrTime } from '@opentelemetry/api';
import protobuf from 'protobufjs/light.js';
import {
  type BoundRange,
  type Distribution,
  type Family,
  isExponential,
  isSummary,
  type Sample,
} from '../families.ts';
import { classicBuckets, widenBounds } from './buckets.ts';
import { type NativeHistogram, nativeOf } from './native.ts';
import { labelsFor, millisecondsOf, nameFor, type ShownAs } from './text.ts';

/**
 * The part of Prometheus's client model (`io.prometheus.client`) that is written: names and numbers are its own.
 * Enumerations are declared as the numbers they are on the wire.
 */
const root = protobuf.Root.fromJSON({
  nested: {
    LabelPair: fields({ name: [1, 'string'], value: [2, 'string'] }),
    Timestamp: fields({ seconds: [1, 'int64'], nanos: [2, 'int32'] }),
    Gauge: fields({ value: [1, 'double'] }),
    Counter: fields({ value: [1, 'double'], createdTimestamp: [3, 'Timestamp'] }),
    Quantile: fields({ quantile: [1, 'double'], value: [2, 'double'] }),
    Summary: fields({
      sampleCount: [1, 'uint64'],
      sampleSum: [2, 'double'],
      quantile: [3, 'Quantile', 'repeated'],
      createdTimestamp: [4, 'Timestamp'],
    }),
    Bucket: fields({ cumulativeCount: [1, 'uint64'], upperBound: [2, 'double'] }),
    BucketSpan: fields({ offset: [1, 'sint32'], length: [2, 'uint32'] }),
    Histogram: fields({
      sampleCount: [1, 'uint64'],
      sampleSum: [2, 'double'],
      bucket: [3, 'Bucket', 'repeated'],
      schema: [5, 'sint32'],
      zeroThreshold: [6, 'double'],
      zeroCount: [7, 'uint64'],
      negativeSpan: [9, 'BucketSpan', 'repeated'],
      negativeDelta: [10, 'sint64', 'repeated'],
      positiveSpan: [12, 'BucketSpan', 'repeated'],
      positiveDelta: [13, 'sint64', 'repeated'],
      createdTimestamp: [15, 'Timestamp'],
    }),
    Metric: fields({
      label: [1, 'LabelPair', 'repeated'],
      gauge: [2, 'Gauge'],
      counter: [3, 'Counter'],
      summary: [4, 'Summary'],
      timestampMs: [6, 'int64'],
      histogram: [7, 'Histogram'],
    }),
    MetricFamily: fields({
      name: [1, 'string'],
      help: [2, 'string'],
      type: [3, 'int32'],
      metric: [4, 'Metric', 'repeated'],
    }),
  },
});

function fields(of: Readonly<Record<string, readonly [number, string, 'repeated'?]>>) {
  const entries = Object.entries(of).map(([name, [id, type, rule]]) => [
    name,
    { id, type, ...(rule && { rule }) },
  ]);
  return { fields: Object.fromEntries(entries) };
}

const MetricFamily = root.lookupType('MetricFamily');
const types = { counter: 0, gauge: 1, summary: 2, histogram: 4 } as const;

/** Zeros of OpenTelemetry are exact; Prometheus's own receiver of OTLP takes this width for them. */
const zeroThreshold = 1e-128;

/**
 * Messages with their lengths before them, one for each metric. An exponential histogram is a native one and, for a reader
 * that takes none, the same classic one as in text.
 */
export function* protobufOf(families: readonly Family[], options: ShownAs): Generator<Uint8Array> {
  for (const family of families) {
    const bounds = family.type === 'histogram' ? widenBounds(family) : undefined;
    const metric = Array.from(family.samples, (sample) => ({
      label: labelsFor(sample.labels, options).map(([name, value]) => ({ name, value })),
      ...metricOf(family, sample, bounds),
      ...(options.timestamps && sample.end && { timestampMs: millisecondsOf(sample.end) }),
    }));
    const message = {
      name: nameFor(family.name, options),
      help: family.help,
      type: types[family.type],
      metric,
    };
    yield MetricFamily.encodeDelimited(message).finish();
  }
}

function metricOf({ type }: Family, { value, start }: Sample, bounds: BoundRange | undefined): object {
  const createdTimestamp = timestampOf(start);
  if (typeof value === 'number')
    return type === 'counter' ? { counter: { value, createdTimestamp } } : { gauge: { value } };
  if (!isSummary(value)) return { histogram: { ...histogramOf(value, bounds), createdTimestamp } };
  const { count, sum, quantiles } = value;
  return { summary: { sampleCount: count, sampleSum: sum, quantile: quantiles, createdTimestamp } };
}

function histogramOf(value: Distribution, bounds: BoundRange | undefined): object {
  const native = isExponential(value) ? nativeOf(value) : undefined;
  return {
    sampleCount: value.count,
    ...(value.sum !== undefined && { sampleSum: value.sum }),
    bucket: classicBuckets(value, bounds).map(({ bound, atMost }) => ({
      cumulativeCount: atMost,
      upperBound: bound,
    })),
    ...(native && nativeFields(native)),
  };
}

function nativeFields({ schema, zeroCount, positive, negative }: NativeHistogram): object {
  return {
    ...{ schema, zeroThreshold, zeroCount },
    ...{ positiveSpan: positive.spans, positiveDelta: positive.deltas },
    ...{ negativeSpan: negative.spans, negativeDelta: negative.deltas },
  };
}

const timestampOf = ([seconds, nanos]: HrTime) => ({ seconds, nanos });
