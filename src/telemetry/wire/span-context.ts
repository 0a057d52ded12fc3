import { createTraceState, type SpanContext } from '@opentelemetry/api';

interface Ids {
  readonly traceId?: Uint8Array;
  readonly spanId?: Uint8Array;
  readonly flags?: number;
  readonly traceState?: string;
}

/** Undefined: the message has neither id. */
export function spanContextOf({ traceId, spanId, flags = 0, traceState }: Ids): SpanContext | undefined {
  if (traceId === undefined && spanId === undefined) return undefined;
  return {
    traceId: hexOf(traceId),
    spanId: hexOf(spanId),
    traceFlags: flags & 0xff,
    ...(traceState && { traceState: createTraceState(traceState) }),
  };
}

const hexOf = (bytes: Uint8Array = new Uint8Array()) => Buffer.from(bytes).toString('hex');
