import { JsonTraceSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { createCodec } from './otlp-codec.ts';
import { withSharedResources } from './shared-resources.ts';
import type { SignalKind } from './signal-kind.ts';
import type { Span } from './span.ts';
import { chunks } from './split.ts';
import { createItemOf, type ItemOf, mapChanged, type Visit } from './visit.ts';
import { requestTypes, responseTypes } from './wire/messages.ts';
import { spansOf, tracesMessage } from './wire/traces.ts';

export type { Span };

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
  join: (batches) => ({ signal: 'traces', spans: withSharedResources(batches.map(({ spans }) => spans)) }),
  otlp: createCodec({
    grpcMethod: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
    httpPath: '/v1/traces',
    serializers: { proto: ProtobufTraceSerializer, json: JsonTraceSerializer },
    items: ({ spans }: TracesBatch) => spans,
    contents: (spans) => [[...spans]],
    wire: { request: requestTypes.traces, response: responseTypes.traces, message: tracesMessage },
    decoded: (message): TracesBatch => ({ signal: 'traces', spans: spansOf(message) }),
    rejectedField: 'rejectedSpans',
  }),
} as const satisfies SignalKind<TracesBatch>;

function mapSpan(span: Span, visit: Visit, of: ItemOf): Span | undefined {
  const resource = visit.resource(span.resource, of);
  if (resource === undefined) return undefined;
  const attributes = visit.item(span.attributes, of);
  const isSame = resource === span.resource && attributes === span.attributes;
  return isSame ? span : { ...span, resource, attributes };
}
