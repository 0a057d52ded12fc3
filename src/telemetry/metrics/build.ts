import { type Attributes, type HrTime, SeverityNumber, ValueType } from '@opentelemetry/api';
import { type Resource, resourceFromAttributes } from '@opentelemetry/resources';
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  type ExponentialHistogram,
  type ExponentialHistogramMetricData,
  type GaugeMetricData,
  type MetricData,
  type ResourceMetrics,
  type SumMetricData,
} from '@opentelemetry/sdk-metrics';
import { version } from '../../version.ts';
import type { Event, Instrument, MetricKind } from '../emits.ts';
import type { UnixNanoseconds } from '../units.ts';

/** What the deltas of a batch cover. */
export interface Interval {
  readonly start: UnixNanoseconds;
  readonly end: UnixNanoseconds;
}

export interface Point<Value = number> {
  readonly value: Value;
  readonly attributes?: Attributes;
}

export const scope = { name: 'earshot', version };

export function hrTime(at: UnixNanoseconds): HrTime {
  return [Number(at / 1_000_000_000n), Number(at % 1_000_000_000n)];
}

export function unixTime([seconds, nanos]: HrTime): UnixNanoseconds {
  return (BigInt(seconds) * 1_000_000_000n + BigInt(nanos)) as UnixNanoseconds;
}

export const resource = (attributes: Attributes): Resource => resourceFromAttributes(attributes);

export function resourceMetrics(of: Resource, metrics: readonly MetricData[]): ResourceMetrics {
  return { resource: of, scopeMetrics: [{ scope, metrics: [...metrics] }] };
}

type Of<Kind extends MetricKind> = Instrument & { readonly kind: Kind };

/** A sum of what happened in the interval. */
export function sum(metric: Of<'sum'>, interval: Interval, points: readonly Point[]): SumMetricData {
  return {
    ...described(metric),
    dataPointType: DataPointType.SUM,
    isMonotonic: true,
    dataPoints: dataPoints(interval, points),
  };
}

export function gauge(metric: Of<'gauge'>, interval: Interval, points: readonly Point[]): GaugeMetricData {
  return {
    ...described(metric),
    dataPointType: DataPointType.GAUGE,
    dataPoints: dataPoints(interval, points),
  };
}

export function exponentialHistogram(
  metric: Of<'exponential_histogram'>,
  interval: Interval,
  points: readonly Point<ExponentialHistogram>[],
): ExponentialHistogramMetricData {
  return {
    ...described(metric),
    dataPointType: DataPointType.EXPONENTIAL_HISTOGRAM,
    dataPoints: dataPoints(interval, points),
  };
}

/** One occurrence, at its own time, with the time at which the agent learned of it. */
export function event(
  of: Event,
  occurrence: {
    readonly resource: Resource;
    readonly at: UnixNanoseconds;
    readonly observed: UnixNanoseconds;
    readonly attributes: Attributes;
    readonly body?: string;
  },
): ReadableLogRecord {
  const { at, observed, body, ...rest } = occurrence;
  return {
    ...rest,
    ...(body === undefined ? {} : { body }),
    eventName: of.name,
    severityNumber: SeverityNumber.INFO,
    severityText: 'INFO',
    hrTime: hrTime(at),
    hrTimeObserved: hrTime(observed),
    instrumentationScope: scope,
    droppedAttributesCount: 0,
  };
}

function described({ name, meaning, unit, hasParts }: Instrument) {
  // A unit in braces counts things; anything else is measured.
  const valueType = unit.startsWith('{') && !hasParts ? ValueType.INT : ValueType.DOUBLE;
  return {
    descriptor: { name, description: meaning, unit, valueType },
    aggregationTemporality: AggregationTemporality.DELTA,
  };
}

function dataPoints<Value>(interval: Interval, points: readonly Point<Value>[]): DataPoint<Value>[] {
  const startTime = hrTime(interval.start);
  const endTime = hrTime(interval.end);
  return points.map(({ value, attributes = {} }) => ({ startTime, endTime, attributes, value }));
}
