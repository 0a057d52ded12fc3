import type { HrTime, Link, SpanKind, SpanStatusCode } from '@opentelemetry/api';
import type { Span } from '../span.ts';
import { hrTime, type UnixNanoseconds } from '../units.ts';
import { requestFields } from './messages.ts';
import type { Message } from './proto.ts';
import { type AttributedMessage, type Received, type ReceivedScope, received } from './received.ts';
import { itemsOf, type ReceivedInScope, requestOf } from './received-items.ts';
import { spanContextOf } from './span-context.ts';
import { attributesOf } from './values.ts';

interface SpanIds {
  readonly traceId?: Uint8Array;
  readonly spanId?: Uint8Array;
  readonly traceState?: string;
  readonly flags?: number;
}

interface SpanMessage extends AttributedMessage, SpanIds {
  readonly parentSpanId?: Uint8Array;
  readonly name?: string;
  readonly kind?: number;
  readonly startTimeUnixNano?: bigint;
  readonly endTimeUnixNano?: bigint;
  readonly droppedAttributesCount?: number;
  readonly droppedEventsCount?: number;
  readonly droppedLinksCount?: number;
  readonly status?: { readonly message?: string; readonly code?: number };
  readonly events?: readonly (AttributedMessage & {
    readonly name?: string;
    readonly timeUnixNano?: bigint;
    readonly droppedAttributesCount?: number;
  })[];
  readonly links?: readonly (AttributedMessage & SpanIds & { readonly droppedAttributesCount?: number })[];
}

const fields = requestFields.traces;

export const spansOf = (request: Message): readonly Span[] => itemsOf(request, fields, spanOf);

const noContext = { traceId: '', spanId: '', traceFlags: 0 } as const;

function spanOf(message: SpanMessage, scope: ReceivedScope): Received<Span, ReceivedInScope> {
  const { name = '', kind = 0, status = {}, events = [], traceId, parentSpanId } = message;
  const start = message.startTimeUnixNano ?? 0n;
  const end = message.endTimeUnixNano ?? 0n;
  const context = spanContextOf(message) ?? noContext;
  const parent = parentSpanId && spanContextOf({ ...(traceId && { traceId }), spanId: parentSpanId });
  const attributes = attributesOf(message.attributes);
  return {
    name,
    kind: Math.max(0, kind - 1) as SpanKind, // the API's numbers begin with internal, which is 1 in the protocol
    spanContext: () => context,
    ...(parent && { parentSpanContext: parent }),
    startTime: timeOf(start),
    endTime: timeOf(end),
    duration: timeOf(end > start ? end - start : 0n),
    ended: true,
    status: {
      code: (status.code ?? 0) as SpanStatusCode, // the same numbers
      ...(status.message !== undefined && { message: status.message }),
    },
    attributes,
    links: (message.links ?? []).map(linkOf),
    events: events.map((event) => ({
      name: event.name ?? '',
      time: timeOf(event.timeUnixNano ?? 0n),
      attributes: attributesOf(event.attributes),
      droppedAttributesCount: event.droppedAttributesCount ?? 0,
    })),
    droppedAttributesCount: message.droppedAttributesCount ?? 0,
    droppedEventsCount: message.droppedEventsCount ?? 0,
    droppedLinksCount: message.droppedLinksCount ?? 0,
    resource: scope.of.model,
    instrumentationScope: scope.model,
    [received]: { message, list: message.attributes, attributes, scope },
  };
}

const timeOf = (time: bigint): HrTime => hrTime(time as UnixNanoseconds);

const linkOf = (link: NonNullable<SpanMessage['links']>[number]): Link => ({
  context: spanContextOf(link) ?? noContext,
  attributes: attributesOf(link.attributes),
  droppedAttributesCount: link.droppedAttributesCount ?? 0,
});

/** Spans that were received, as a request. */
export const tracesMessage = (spans: readonly Span[]): Message => requestOf(spans, fields);
