import { JsonTraceSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { createCodec } from './otlp-codec.ts';
import type { SignalKind } from './signal-kind.ts';
import { chunks } from './split.ts';
import { createItemOf, type ItemOf, mapChanged, type Visit } from './visit.ts';

/** OpenTelemetry's `ReadableSpan`, as the serializer takes it. */
export type Span = Parameters<typeof ProtobufTraceSerializer.serializeRequest>[0][number];

export interface TracesBatch {
  readonly signal: 'traces';
  /** Plain objects that have ended. */
  readonly spans: readonly Span[];
}

export const traces = {
  item: { noun: 'spans', unit: '{span}' },
  count: ({ spans }) => spans.length,
  empty: (): TracesBatch => ({ signal: 'traces', spans: [] }),
  map(batch, visit) {
    const itemOf = createItemOf();
    const spans = mapChanged(batch.spans, (span) =>
      mapSpan(span, visit, itemOf(span.endTime, span.resource)),
    );
    return spans === batch.spans ? batch : { signal: 'traces', spans };
  },
  split: ({ spans }, most) => chunks(spans, most).map((part) => ({ signal: 'traces', spans: part })),
  otlp: createCodec({
    grpcMethod: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
    httpPath: '/v1/traces',
    serializers: { proto: ProtobufTraceSerializer, json: JsonTraceSerializer },
    contents: ({ spans }: TracesBatch) => [[...spans]],
    rejected: ({ rejectedSpans }) => rejectedSpans,
  }),
} as const satisfies SignalKind<TracesBatch>;

function mapSpan(span: Span, visit: Visit, of: ItemOf): Span | undefined {
  const resource = visit.resource(span.resource, of);
  if (resource === undefined) return undefined;
  const attributes = visit.item(span.attributes, of);
  const isSame = resource === span.resource && attributes === span.attributes;
  return isSame ? span : { ...span, resource, attributes };
}
