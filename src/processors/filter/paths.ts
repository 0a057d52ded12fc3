import type { Attributes } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  type MetricData,
} from '@opentelemetry/sdk-metrics';
import { summaryType } from '../../telemetry/metrics/summary.ts';
import type { Span } from '../../telemetry/spans.ts';

/** Null is OTTL's `nil`. */
export type Value = string | number | boolean | null | readonly unknown[] | object;

/** What a condition looks at: an item with all that it is part of. Of those absent no condition of the context asks. */
export interface Subject {
  resource?: Resource;
  scope?: { readonly name: string; readonly version?: string };
  metric?: MetricData;
  datapoint?: DataPoint<unknown>;
  log?: ReadableLogRecord;
  span?: Span;
  spanevent?: SpanEvent;
}
export type SpanEvent = Span['events'][number];

export type Context = 'resource' | 'scope' | 'metric' | 'datapoint' | 'log' | 'span' | 'spanevent';

type Getter = (of: Subject) => Value | undefined;

/** Numbers of OTTL's enums `METRIC_DATA_TYPE_…` and `AGGREGATION_TEMPORALITY_…`, by the SDK's. */
const types: Readonly<Record<DataPointType | typeof summaryType, number>> = {
  [DataPointType.GAUGE]: 1,
  [DataPointType.SUM]: 2,
  [DataPointType.HISTOGRAM]: 3,
  [DataPointType.EXPONENTIAL_HISTOGRAM]: 4,
  [summaryType]: 5,
};
const temporalities: Readonly<Record<AggregationTemporality, number>> = {
  [AggregationTemporality.DELTA]: 1,
  [AggregationTemporality.CUMULATIVE]: 2,
};

/** `ValueType` of the API: those of counts are whole. */
const wholeValues = 0;

const numberOf = ({ metric, datapoint }: Subject, isWhole: boolean) =>
  typeof datapoint?.value === 'number' && (metric?.descriptor.valueType === wholeValues) === isWhole
    ? datapoint.value
    : undefined;

/** Of a point of a histogram. */
function partOf({ datapoint }: Subject, key: 'count' | 'sum'): number | undefined {
  const value = datapoint?.value;
  if (typeof value !== 'object' || value === null || !(key in value)) return undefined;
  return (value as Readonly<Record<typeof key, number | undefined>>)[key]; // both kinds have them
}

const hexOf = (id: string | undefined) => id ?? '';

/** Fields by the context that they belong to; those with attributes, and the body, are indexed. */
const fields: Readonly<Record<Context, Readonly<Record<string, Getter>>>> = {
  resource: { attributes: ({ resource }) => resource?.attributes },
  scope: { name: ({ scope }) => scope?.name, version: ({ scope }) => scope?.version ?? '' },
  metric: {
    name: ({ metric }) => metric?.descriptor.name,
    description: ({ metric }) => metric?.descriptor.description,
    unit: ({ metric }) => metric?.descriptor.unit,
    type: ({ metric }) => metric && types[metric.dataPointType],
    aggregation_temporality: ({ metric }) =>
      metric &&
      (metric.dataPointType === DataPointType.GAUGE ? 0 : temporalities[metric.aggregationTemporality]),
    is_monotonic: ({ metric }) => metric?.dataPointType === DataPointType.SUM && metric.isMonotonic,
  },
  datapoint: {
    attributes: ({ datapoint }) => datapoint?.attributes,
    value_int: (of) => numberOf(of, true),
    value_double: (of) => numberOf(of, false),
    count: (of) => partOf(of, 'count'),
    sum: (of) => partOf(of, 'sum'),
  },
  log: {
    attributes: ({ log }) => log?.attributes,
    body: ({ log }) => log?.body as Value | undefined, // what OTLP carries
    severity_number: ({ log }) => log?.severityNumber ?? 0,
    severity_text: ({ log }) => log?.severityText ?? '',
    event_name: ({ log }) => log?.eventName ?? '',
    'trace_id.string': ({ log }) => hexOf(log?.spanContext?.traceId),
    'span_id.string': ({ log }) => hexOf(log?.spanContext?.spanId),
  },
  span: {
    attributes: ({ span }) => span?.attributes,
    name: ({ span }) => span?.name,
    kind: ({ span }) => span && span.kind + 1, // the SDK begins with INTERNAL, OTLP with UNSPECIFIED
    'status.code': ({ span }) => span?.status.code,
    'status.message': ({ span }) => span?.status.message ?? '',
    'trace_id.string': ({ span }) => hexOf(span?.spanContext().traceId),
    'span_id.string': ({ span }) => hexOf(span?.spanContext().spanId),
    'parent_span_id.string': ({ span }) => hexOf(span?.parentSpanContext?.spanId),
  },
  spanevent: {
    attributes: ({ spanevent }) => spanevent?.attributes ?? ({} satisfies Attributes),
    name: ({ spanevent }) => spanevent?.name,
  },
};

/** What a context sees, its own first. */
const visible: Readonly<Record<Context, readonly Context[]>> = {
  resource: ['resource'],
  scope: ['scope', 'resource'],
  metric: ['metric', 'scope', 'resource'],
  datapoint: ['datapoint', 'metric', 'scope', 'resource'],
  log: ['log', 'scope', 'resource'],
  span: ['span', 'scope', 'resource'],
  spanevent: ['spanevent', 'span', 'scope', 'resource'],
};

export interface Path {
  readonly context: Context;
  readonly get: Getter;
  /** Whether it may, and has to, be followed by a key. */
  readonly keys: 'none' | 'optional' | 'needed';
}

/** Where a condition stands: in a list for a context, or in one for several, in which each path names its own. */
export interface Place {
  readonly context?: Context;
  /** Of those that the list is for. */
  readonly lowest: readonly Context[];
}

/** Or why there is none. */
export function pathOf(segments: readonly string[], { context, lowest }: Place): Path | string {
  const [first = '', ...rest] = segments;
  const reachable = [
    ...new Set((context === undefined ? lowest : [context]).flatMap((each) => visible[each])),
  ];
  const named = reachable.find((each) => each === (first === 'instrumentation_scope' ? 'scope' : first));
  const written = segments.join('.');
  if (named !== undefined && rest.length > 0) return fieldOf(named, rest.join('.'), written);
  if (context !== undefined) return fieldOf(context, written, written);
  return `path "${written}" needs its context before it, one of ${reachable.map((each) => `"${each}."`).join(', ')}`;
}

function fieldOf(context: Context, field: string, written: string): Path | string {
  const of = fields[context];
  const get = Object.hasOwn(of, field) ? of[field] : undefined;
  if (get)
    return { context, get, keys: field === 'attributes' ? 'needed' : field === 'body' ? 'optional' : 'none' };
  const known = Object.keys(of).map((each) => (each === 'attributes' ? 'attributes["…"]' : each));
  return `path "${written}" is not supported; of a ${context} there are ${known.join(', ')}`;
}
