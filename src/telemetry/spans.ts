import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
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
  otlp: {
    grpcMethod: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
    encode: ({ spans }) => ProtobufTraceSerializer.serializeRequest([...spans]) ?? new Uint8Array(),
    readAnswer(answer) {
      const { partialSuccess } = ProtobufTraceSerializer.deserializeResponse(answer);
      return {
        rejected: partialSuccess?.rejectedSpans ?? 0,
        message: partialSuccess?.errorMessage ?? '',
      };
    },
  },
} as const satisfies SignalKind<TracesBatch>;

function mapSpan(span: Span, visit: Visit, of: ItemOf): Span | undefined {
  const resource = visit.resource(span.resource, of);
  if (resource === undefined) return undefined;
  const attributes = visit.item(span.attributes, of);
  const isSame = resource === span.resource && attributes === span.attributes;
  return isSame ? span : { ...span, resource, attributes };
}
