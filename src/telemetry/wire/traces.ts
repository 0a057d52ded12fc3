import type { HrTime, Link, SpanKind, SpanStatusCode } from '@opentelemetry/api';
import type { Span } from '../span.ts';
import { hrTime, type UnixNanoseconds } from '../units.ts';
import type { Message } from './proto.ts';
import {
  type AttributedMessage,
  grouped,
  groupMessages,
  itemMessage,
  type Received,
  type ReceivedItem,
  type ReceivedScope,
  received,
  receivedOf,
  resourceOf,
  scopeOf,
} from './received.ts';
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

interface TracesRequest {
  readonly resourceSpans?: readonly {
    readonly resource?: AttributedMessage;
    readonly schemaUrl?: string;
    readonly scopeSpans?: readonly {
      readonly scope?: AttributedMessage;
      readonly schemaUrl?: string;
      readonly spans?: readonly SpanMessage[];
    }[];
  }[];
}

interface ReceivedSpan extends ReceivedItem {
  readonly scope: ReceivedScope;
}

export function spansOf({ resourceSpans = [] }: TracesRequest): readonly Span[] {
  return resourceSpans.flatMap((group) => {
    const of = resourceOf(group);
    return (group.scopeSpans ?? []).flatMap((ofScope) => {
      const scope = scopeOf(ofScope, of);
      return (ofScope.spans ?? []).map((message) => spanOf(message, scope));
    });
  });
}

const noContext = { traceId: '', spanId: '', traceFlags: 0 } as const;

function spanOf(message: SpanMessage, scope: ReceivedScope): Received<Span, ReceivedSpan> {
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
export const tracesMessage = (spans: readonly Span[]): Message => ({
  resourceSpans: groupMessages(
    grouped(spans, (span) => {
      const before = receivedOf<ReceivedSpan>(span);
      if (before === undefined) throw new Error('a span that was not received');
      return { scope: before.scope, message: itemMessage(span.attributes, before) };
    }),
    { scopes: 'scopeSpans', items: 'spans' },
  ),
});
