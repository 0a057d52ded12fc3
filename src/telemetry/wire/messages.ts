/**
 * The messages of OTLP 1.x, as opentelemetry-proto numbers them: one table for protobuf and JSON. `id` is bytes that JSON has in
 * hexadecimal; `enum` an int32.
 */
export type Scalar =
  | 'string'
  | 'bytes'
  | 'id'
  | 'bool'
  | 'double'
  | 'uint32'
  | 'enum'
  | 'sint32'
  | 'fixed32'
  | 'uint64'
  | 'int64'
  | 'fixed64'
  | 'sfixed64';

export interface Field {
  readonly number: number;
  readonly type: Scalar | (() => MessageType);
  readonly isRepeated: boolean;
  /** Of an `id`: bytes that it has, unless it is absent. */
  readonly length?: number;
}

export interface MessageType {
  readonly fields: Readonly<Record<string, Field>>;
  /** Names of the fields by number. */
  readonly names: readonly (string | undefined)[];
}

export const one = (number: number, type: Field['type']): Field => ({ number, type, isRepeated: false });
export const many = (number: number, type: Field['type']): Field => ({ number, type, isRepeated: true });
const id = (number: number, length: number): Field => ({ ...one(number, 'id'), length });

/** A type of messages by its fields. */
export function message(fields: MessageType['fields']): MessageType {
  const names: (string | undefined)[] = [];
  for (const [name, { number }] of Object.entries(fields)) names[number] = name;
  return { fields, names };
}

const anyValue: MessageType = message({
  stringValue: one(1, 'string'),
  boolValue: one(2, 'bool'),
  intValue: one(3, 'int64'),
  doubleValue: one(4, 'double'),
  arrayValue: one(5, () => arrayValue),
  kvlistValue: one(6, () => keyValueList),
  bytesValue: one(7, 'bytes'),
});
const arrayValue = message({ values: many(1, () => anyValue) });
const keyValueList = message({ values: many(1, () => keyValue) });
const keyValue = message({ key: one(1, 'string'), value: one(2, () => anyValue) });

const resource = message({
  attributes: many(1, () => keyValue),
  droppedAttributesCount: one(2, 'uint32'),
  entityRefs: many(3, () => entityRef),
});
const entityRef = message({
  schemaUrl: one(1, 'string'),
  type: one(2, 'string'),
  idKeys: many(3, 'string'),
  descriptionKeys: many(4, 'string'),
});
const scope = message({
  name: one(1, 'string'),
  version: one(2, 'string'),
  attributes: many(3, () => keyValue),
  droppedAttributesCount: one(4, 'uint32'),
});

const logRecord = message({
  timeUnixNano: one(1, 'fixed64'),
  severityNumber: one(2, 'enum'),
  severityText: one(3, 'string'),
  body: one(5, () => anyValue),
  attributes: many(6, () => keyValue),
  droppedAttributesCount: one(7, 'uint32'),
  flags: one(8, 'fixed32'),
  traceId: id(9, 16),
  spanId: id(10, 8),
  observedTimeUnixNano: one(11, 'fixed64'),
  eventName: one(12, 'string'),
});

const span = message({
  traceId: id(1, 16),
  spanId: id(2, 8),
  traceState: one(3, 'string'),
  parentSpanId: id(4, 8),
  name: one(5, 'string'),
  kind: one(6, 'enum'),
  startTimeUnixNano: one(7, 'fixed64'),
  endTimeUnixNano: one(8, 'fixed64'),
  attributes: many(9, () => keyValue),
  droppedAttributesCount: one(10, 'uint32'),
  events: many(11, () => spanEvent),
  droppedEventsCount: one(12, 'uint32'),
  links: many(13, () => spanLink),
  droppedLinksCount: one(14, 'uint32'),
  status: one(15, () => spanStatus),
  flags: one(16, 'fixed32'),
});
const spanEvent = message({
  timeUnixNano: one(1, 'fixed64'),
  name: one(2, 'string'),
  attributes: many(3, () => keyValue),
  droppedAttributesCount: one(4, 'uint32'),
});
const spanLink = message({
  traceId: id(1, 16),
  spanId: id(2, 8),
  traceState: one(3, 'string'),
  attributes: many(4, () => keyValue),
  droppedAttributesCount: one(5, 'uint32'),
  flags: one(6, 'fixed32'),
});
const spanStatus = message({ message: one(2, 'string'), code: one(3, 'enum') });

const metric = message({
  name: one(1, 'string'),
  description: one(2, 'string'),
  unit: one(3, 'string'),
  gauge: one(5, () => gauge),
  sum: one(7, () => sum),
  histogram: one(9, () => histogram),
  exponentialHistogram: one(10, () => exponentialHistogram),
  summary: one(11, () => summary),
  metadata: many(12, () => keyValue),
});
const gauge = message({ dataPoints: many(1, () => numberPoint) });
const temporality = one(2, 'enum');
const sum = message({
  dataPoints: many(1, () => numberPoint),
  aggregationTemporality: temporality,
  isMonotonic: one(3, 'bool'),
});
const histogram = message({
  dataPoints: many(1, () => histogramPoint),
  aggregationTemporality: temporality,
});
const exponentialHistogram = message({
  dataPoints: many(1, () => exponentialPoint),
  aggregationTemporality: temporality,
});
const summary = message({ dataPoints: many(1, () => summaryPoint) });
const times = { startTimeUnixNano: one(2, 'fixed64'), timeUnixNano: one(3, 'fixed64') } as const;
const numberPoint = message({
  ...times,
  asDouble: one(4, 'double'),
  exemplars: many(5, () => exemplar),
  asInt: one(6, 'sfixed64'),
  attributes: many(7, () => keyValue),
  flags: one(8, 'uint32'),
});
const histogramPoint = message({
  ...times,
  count: one(4, 'fixed64'),
  sum: one(5, 'double'),
  bucketCounts: many(6, 'fixed64'),
  explicitBounds: many(7, 'double'),
  exemplars: many(8, () => exemplar),
  attributes: many(9, () => keyValue),
  flags: one(10, 'uint32'),
  min: one(11, 'double'),
  max: one(12, 'double'),
});
const exponentialPoint = message({
  attributes: many(1, () => keyValue),
  ...times,
  count: one(4, 'fixed64'),
  sum: one(5, 'double'),
  scale: one(6, 'sint32'),
  zeroCount: one(7, 'fixed64'),
  positive: one(8, () => buckets),
  negative: one(9, () => buckets),
  flags: one(10, 'uint32'),
  exemplars: many(11, () => exemplar),
  min: one(12, 'double'),
  max: one(13, 'double'),
  zeroThreshold: one(14, 'double'),
});
const buckets = message({ offset: one(1, 'sint32'), bucketCounts: many(2, 'uint64') });
const summaryPoint = message({
  ...times,
  count: one(4, 'fixed64'),
  sum: one(5, 'double'),
  quantileValues: many(6, () => quantile),
  attributes: many(7, () => keyValue),
  flags: one(8, 'uint32'),
});
const quantile = message({ quantile: one(1, 'double'), value: one(2, 'double') });
const exemplar = message({
  timeUnixNano: one(2, 'fixed64'),
  asDouble: one(3, 'double'),
  spanId: id(4, 8),
  traceId: id(5, 16),
  asInt: one(6, 'sfixed64'),
  filteredAttributes: many(7, () => keyValue),
});

/** Names of the fields of a request of resources, which hold scopes, which hold items. */
export interface RequestFields {
  readonly resources: string;
  readonly scopes: string;
  readonly items: string;
}

export const requestFields = {
  metrics: { resources: 'resourceMetrics', scopes: 'scopeMetrics', items: 'metrics' },
  logs: { resources: 'resourceLogs', scopes: 'scopeLogs', items: 'logRecords' },
  traces: { resources: 'resourceSpans', scopes: 'scopeSpans', items: 'spans' },
} as const satisfies Record<string, RequestFields>;

const request = ({ resources, scopes, items }: RequestFields, item: MessageType) => {
  const ofScope = message({
    scope: one(1, () => scope),
    [items]: many(2, () => item),
    schemaUrl: one(3, 'string'),
  });
  const ofResource = message({
    resource: one(1, () => resource),
    [scopes]: many(2, () => ofScope),
    schemaUrl: one(3, 'string'),
  });
  return message({ [resources]: many(1, () => ofResource) });
};

export const requestTypes = {
  metrics: request(requestFields.metrics, metric),
  logs: request(requestFields.logs, logRecord),
  traces: request(requestFields.traces, span),
} as const;

/** What servers answer. */
const response = (rejected: string) =>
  message({
    partialSuccess: one(1, () => message({ [rejected]: one(1, 'int64'), errorMessage: one(2, 'string') })),
  });

export const responseTypes = {
  metrics: response('rejectedDataPoints'),
  logs: response('rejectedLogRecords'),
  traces: response('rejectedSpans'),
} as const;
