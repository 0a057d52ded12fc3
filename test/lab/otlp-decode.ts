// Compiled from the protocol's own .proto files by the OpenTelemetry project; the agent's serializer is another code.
import compiled from 'otlp-definitions/build/src/generated/root.js';

/** Values as plain JavaScript, by key. */
type Attributes = Readonly<Record<string, unknown>>;

export interface ReceivedMetrics {
  readonly resource: Attributes;
  readonly metrics: readonly ReceivedMetric[];
}

export interface ReceivedMetric {
  readonly name: string;
  readonly unit: string;
  readonly description: string;
  readonly temporality: 'delta' | 'cumulative' | undefined;
  readonly isMonotonic: boolean | undefined;
  readonly points: readonly ReceivedPoint[];
}

export interface ReceivedPoint {
  readonly attributes: Attributes;
  readonly start: bigint;
  readonly time: bigint;
  /** Of sums and gauges. */
  readonly value?: number;
  readonly histogram?: {
    readonly count: number;
    readonly sum: number;
    readonly scale: number;
    readonly zeroCount: number;
    readonly offset: number;
    readonly bucketCounts: readonly number[];
    readonly max: number | undefined;
  };
}

export interface ReceivedLogs {
  readonly resource: Attributes;
  readonly records: readonly {
    readonly eventName: string;
    readonly time: bigint;
    readonly observed: bigint;
    readonly severityNumber: number;
    /** Undefined: none, or no text. */
    readonly body: string | undefined;
    readonly attributes: Attributes;
  }[];
}

export interface ReceivedTraces {
  readonly resource: Attributes;
  readonly spans: readonly {
    readonly name: string;
    /** In hexadecimal. */
    readonly traceId: string;
    readonly spanId: string;
    readonly parentSpanId: string;
    readonly kind: number;
    readonly start: bigint;
    readonly end: bigint;
    readonly status: number;
    readonly attributes: Attributes;
  }[];
}

// The parts of the compiled definitions' objects that tests look at; 64-bit integers come as decimal strings.
interface KeyValue {
  readonly key: string;
  readonly value?: {
    readonly stringValue?: string;
    readonly boolValue?: boolean;
    readonly intValue?: string;
    readonly doubleValue?: number;
    readonly arrayValue?: { readonly values: readonly { readonly stringValue?: string }[] };
  };
}
interface NumberPoint {
  readonly attributes: readonly KeyValue[];
  readonly startTimeUnixNano: string;
  readonly timeUnixNano: string;
  readonly asDouble?: number;
  readonly asInt?: string;
}
interface HistogramPoint extends NumberPoint {
  readonly count: string;
  readonly sum?: number;
  readonly scale: number;
  readonly zeroCount: string;
  readonly positive?: { readonly offset: number; readonly bucketCounts: readonly string[] };
  readonly max?: number;
}
interface Data<Point> {
  readonly dataPoints: readonly Point[];
  readonly aggregationTemporality?: number;
  readonly isMonotonic?: boolean;
}
interface MetricsRequest {
  readonly resourceMetrics: readonly {
    readonly resource?: { readonly attributes: readonly KeyValue[] };
    readonly scopeMetrics: readonly {
      readonly metrics: readonly {
        readonly name: string;
        readonly unit: string;
        readonly description: string;
        readonly sum?: Data<NumberPoint>;
        readonly gauge?: Data<NumberPoint>;
        readonly exponentialHistogram?: Data<HistogramPoint>;
      }[];
    }[];
  }[];
}
interface LogsRequest {
  readonly resourceLogs: readonly {
    readonly resource?: { readonly attributes: readonly KeyValue[] };
    readonly scopeLogs: readonly {
      readonly logRecords: readonly {
        readonly eventName: string;
        readonly timeUnixNano: string;
        readonly observedTimeUnixNano: string;
        readonly severityNumber: number;
        readonly body?: { readonly stringValue?: string };
        readonly attributes: readonly KeyValue[];
      }[];
    }[];
  }[];
}
interface TracesRequest {
  readonly resourceSpans: readonly {
    readonly resource?: { readonly attributes: readonly KeyValue[] };
    readonly scopeSpans: readonly {
      readonly spans: readonly {
        readonly name: string;
        readonly traceId: Uint8Array;
        readonly spanId: Uint8Array;
        readonly parentSpanId?: Uint8Array;
        readonly kind: number;
        readonly startTimeUnixNano: string;
        readonly endTimeUnixNano: string;
        readonly status?: { readonly code?: number };
        readonly attributes: readonly KeyValue[];
      }[];
    }[];
  }[];
}
interface MessageType<Content> {
  decode(bytes: Uint8Array): object;
  encode(decoded: object): { finish(): Uint8Array };
  fromObject(plain: object): object;
  toObject(decoded: object, options: object): Content;
}
// The compiled module declares itself as a protobufjs root but is the plain tree of its packages.
const { collector } = (
  compiled as unknown as {
    opentelemetry: {
      proto: {
        collector: {
          metrics: { v1: { ExportMetricsServiceRequest: MessageType<MetricsRequest> } };
          logs: { v1: { ExportLogsServiceRequest: MessageType<LogsRequest> } };
          trace: { v1: { ExportTraceServiceRequest: MessageType<TracesRequest> } };
        };
      };
    };
  }
).opentelemetry.proto;

const requestTypes = {
  '/v1/metrics': collector.metrics.v1.ExportMetricsServiceRequest,
  '/v1/logs': collector.logs.v1.ExportLogsServiceRequest,
  '/v1/traces': collector.trace.v1.ExportTraceServiceRequest,
} as const;

/** A request in the JSON encoding, as the same request in protobuf. */
export function jsonToProtobuf(path: keyof typeof requestTypes, json: string): Buffer {
  const type: MessageType<unknown> = requestTypes[path];
  // ids are hexadecimal in OTLP, bytes of other JSON are base64
  const plain = JSON.parse(json, (key, value) =>
    /^(trace|span|parentSpan)Id$/.test(key) ? Buffer.from(value, 'hex').toString('base64') : value,
  );
  return Buffer.from(type.encode(type.fromObject(plain)).finish());
}

function decodeAs<Content>(type: MessageType<Content>, bytes: Buffer): Content {
  return type.toObject(type.decode(bytes), { longs: String, arrays: true });
}

export function decodeMetrics(bytes: Buffer): readonly ReceivedMetrics[] {
  const request = decodeAs(collector.metrics.v1.ExportMetricsServiceRequest, bytes);
  return request.resourceMetrics.map(({ resource, scopeMetrics }) => ({
    resource: record(resource?.attributes ?? []),
    metrics: scopeMetrics.flatMap(({ metrics }) =>
      metrics.map(({ name, unit, description, sum, gauge, exponentialHistogram }) => {
        const data = sum ?? gauge ?? exponentialHistogram;
        return {
          name,
          unit,
          description,
          temporality: ([undefined, 'delta', 'cumulative'] as const)[data?.aggregationTemporality ?? 0],
          isMonotonic: data?.isMonotonic,
          points: exponentialHistogram
            ? exponentialHistogram.dataPoints.map(histogramPoint)
            : ((sum ?? gauge)?.dataPoints.map(numberPoint) ?? []),
        };
      }),
    ),
  }));
}

function times(point: NumberPoint) {
  return {
    attributes: record(point.attributes),
    start: BigInt(point.startTimeUnixNano),
    time: BigInt(point.timeUnixNano),
  };
}

function numberPoint(point: NumberPoint): ReceivedPoint {
  return { ...times(point), value: point.asDouble ?? Number(point.asInt) };
}

function histogramPoint(point: HistogramPoint): ReceivedPoint {
  return {
    ...times(point),
    histogram: {
      count: Number(point.count),
      sum: point.sum ?? Number.NaN,
      scale: point.scale ?? 0,
      zeroCount: Number(point.zeroCount),
      offset: point.positive?.offset ?? 0,
      bucketCounts: (point.positive?.bucketCounts ?? []).map(Number),
      max: point.max,
    },
  };
}

export function decodeLogs(bytes: Buffer): readonly ReceivedLogs[] {
  const request = decodeAs(collector.logs.v1.ExportLogsServiceRequest, bytes);
  return request.resourceLogs.map(({ resource, scopeLogs }) => ({
    resource: record(resource?.attributes ?? []),
    records: scopeLogs.flatMap(({ logRecords }) =>
      logRecords.map(
        ({ eventName, timeUnixNano, observedTimeUnixNano, severityNumber, body, attributes }) => ({
          eventName,
          time: BigInt(timeUnixNano),
          observed: BigInt(observedTimeUnixNano),
          severityNumber,
          body: body?.stringValue,
          attributes: record(attributes),
        }),
      ),
    ),
  }));
}

export function decodeTraces(bytes: Buffer): readonly ReceivedTraces[] {
  const hex = (id: Uint8Array = new Uint8Array()) => Buffer.from(id).toString('hex');
  const request = decodeAs(collector.trace.v1.ExportTraceServiceRequest, bytes);
  return request.resourceSpans.map(({ resource, scopeSpans }) => ({
    resource: record(resource?.attributes ?? []),
    spans: scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        name: span.name,
        traceId: hex(span.traceId),
        spanId: hex(span.spanId),
        parentSpanId: hex(span.parentSpanId),
        kind: span.kind,
        start: BigInt(span.startTimeUnixNano),
        end: BigInt(span.endTimeUnixNano),
        status: span.status?.code ?? 0,
        attributes: record(span.attributes),
      })),
    ),
  }));
}

function record(attributes: readonly KeyValue[]): Attributes {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value?.stringValue ??
        value?.boolValue ??
        value?.doubleValue ??
        value?.arrayValue?.values.map(({ stringValue }) => stringValue) ??
        (value?.intValue === undefined ? undefined : Number(value.intValue)),
    ]),
  );
}
