import { type HrTime, ValueType } from '@opentelemetry/api';
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  type MetricData,
} from '@opentelemetry/sdk-metrics';
import { asMetricData, summaryType } from '../metrics/summary.ts';
import { hrTime, type UnixNanoseconds, unixTime } from '../units.ts';
import { fieldsOf, type Kind, kinds, type PointMessage, valueIn } from './point-value.ts';
import type { Message } from './proto.ts';
import { itemMessage, type ReceivedItem, received, receivedOf } from './received.ts';
import { anyValueOf, attributesOf } from './values.ts';

interface DataMessage extends Message {
  readonly dataPoints?: readonly PointMessage[];
  readonly aggregationTemporality?: number;
  readonly isMonotonic?: boolean;
}

export interface MetricMessage extends Message {
  readonly name?: string;
  readonly description?: string;
  readonly unit?: string;
  readonly gauge?: DataMessage;
  readonly sum?: DataMessage;
  readonly histogram?: DataMessage;
  readonly exponentialHistogram?: DataMessage;
  readonly summary?: DataMessage;
}

const typeOf: Readonly<Record<Kind, number>> = {
  gauge: DataPointType.GAUGE,
  sum: DataPointType.SUM,
  histogram: DataPointType.HISTOGRAM,
  exponentialHistogram: DataPointType.EXPONENTIAL_HISTOGRAM,
  summary: summaryType,
};

interface ReceivedMetric {
  readonly message: MetricMessage;
  /** Absent: the metric has no data. */
  readonly kind: Kind | undefined;
  readonly temporality: AggregationTemporality;
}

interface ReceivedPoint extends ReceivedItem {
  readonly startTime: HrTime;
  readonly endTime: HrTime;
  readonly value: unknown;
}

export function metricOf(message: MetricMessage): MetricData {
  const kind = kinds.find((each) => message[each] !== undefined);
  const data = kind === undefined ? undefined : message[kind];
  const points = data?.dataPoints ?? [];
  // one that is not specified, or that the kind does not have, is never converted
  const temporality =
    data?.aggregationTemporality === deltaOfProtocol
      ? AggregationTemporality.DELTA
      : AggregationTemporality.CUMULATIVE;
  const { name = '', description = '', unit = '' } = message;
  const isInteger = points.length > 0 && points.every(({ asInt }) => asInt !== undefined);
  const metric = {
    descriptor: { name, description, unit, valueType: isInteger ? ValueType.INT : ValueType.DOUBLE },
    aggregationTemporality: temporality,
    dataPointType: typeOf[kind ?? 'gauge'],
    ...(kind === 'sum' && { isMonotonic: data?.isMonotonic ?? false }),
    dataPoints: kind === undefined ? [] : points.map((point) => pointOf(point, kind)),
    [received]: { message, kind, temporality } satisfies ReceivedMetric,
  };
  return asMetricData(metric as unknown as Parameters<typeof asMetricData>[0]); // its kind says which type it is
}

/** AGGREGATION_TEMPORALITY_DELTA; the SDK's numbers are one less. */
const deltaOfProtocol = 1;

function pointOf(message: PointMessage, kind: Kind): DataPoint<unknown> {
  const attributes = attributesOf(message.attributes);
  const point = {
    startTime: hrTime((message.startTimeUnixNano ?? 0n) as UnixNanoseconds),
    endTime: hrTime((message.timeUnixNano ?? 0n) as UnixNanoseconds),
    attributes,
    value: valueIn(message, kind),
  };
  const { startTime, endTime, value } = point;
  const before: ReceivedPoint = { message, list: message.attributes, attributes, startTime, endTime, value };
  return { ...point, [received]: before } as DataPoint<unknown>;
}

/** A metric as it is now; one that a component added has no received form. */
export function metricMessage(metric: MetricData): Message {
  const before = receivedOf<ReceivedMetric>(metric);
  if (before !== undefined && before.kind === undefined) return before.message;
  const kind = before?.kind ?? kindOf(metric);
  const { name, description, unit, valueType } = metric.descriptor;
  const data = before?.message[kind];
  const points = metric.dataPoints as readonly DataPoint<unknown>[];
  const isSameTemporality = metric.aggregationTemporality === before?.temporality;
  return {
    ...(before?.message ?? { name, description, unit }),
    [kind]: {
      ...(data ?? (metric.dataPointType === DataPointType.SUM && { isMonotonic: metric.isMonotonic })),
      ...(!isSameTemporality &&
        kind !== 'gauge' && { aggregationTemporality: metric.aggregationTemporality + 1 }),
      dataPoints: points.map((point) => pointMessage(point, kind, valueType)),
    },
  };
}

const kindOf = ({ dataPointType }: MetricData): Kind =>
  kinds.find((kind) => typeOf[kind] === dataPointType) ?? 'gauge';

function pointMessage(point: DataPoint<unknown>, kind: Kind, valueType: ValueType): Message {
  const before = receivedOf<ReceivedPoint>(point);
  if (before === undefined)
    return {
      startTimeUnixNano: unixTime(point.startTime),
      timeUnixNano: unixTime(point.endTime),
      attributes: Object.entries(point.attributes).map(([key, value]) => ({ key, value: anyValueOf(value) })),
      ...fieldsOf(point.value, kind, valueType),
    };
  const message = itemMessage(point.attributes, before);
  const { startTime, endTime, value } = point;
  if (startTime === before.startTime && endTime === before.endTime && Object.is(value, before.value))
    return message;
  return {
    ...message,
    startTimeUnixNano: unixTime(startTime),
    timeUnixNano: unixTime(endTime),
    ...(!Object.is(value, before.value) && fieldsOf(value, kind, valueType)),
  };
}
