import { type Attributes, ValueType } from '@opentelemetry/api';
import { type Resource, resourceFromAttributes } from '@opentelemetry/resources';
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
import type { Instrument, MetricKind } from '../emits.ts';
import { hrTime, type UnixNanoseconds } from '../units.ts';

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

function described(metric: Instrument) {
  return { descriptor: descriptorOf(metric), aggregationTemporality: AggregationTemporality.DELTA };
}

/** One for all workloads. */
const descriptors = new WeakMap<Instrument, MetricData['descriptor']>();

function descriptorOf(metric: Instrument): MetricData['descriptor'] {
  const known = descriptors.get(metric);
  if (known) return known;
  const { name, meaning, unit, hasParts } = metric;
  // A unit in braces counts things; anything else is measured.
  const valueType = unit.startsWith('{') && !hasParts ? ValueType.INT : ValueType.DOUBLE;
  const descriptor = { name, description: meaning, unit, valueType };
  descriptors.set(metric, descriptor);
  return descriptor;
}

const timesOf = ({ start, end }: Interval) => ({
  start,
  end,
  startTime: hrTime(start),
  endTime: hrTime(end),
});

/** Most metrics follow another one of the same interval. */
let last = timesOf({ start: 0n as UnixNanoseconds, end: 0n as UnixNanoseconds });

function dataPoints<Value>(interval: Interval, points: readonly Point<Value>[]): DataPoint<Value>[] {
  if (last.start !== interval.start || last.end !== interval.end) last = timesOf(interval);
  const { startTime, endTime } = last;
  return points.map(({ value, attributes = {} }) => ({ startTime, endTime, attributes, value }));
}
