import type { Span } from './spans.ts';
import { type ReceivedItem, received, receivedOf } from './wire/received.ts';

/** A span with some of its events, as it was received too; the same one if all are kept. */
export function keepEvents(span: Span, isKept: (event: Span['events'][number]) => boolean): Span {
  const keeps = span.events.map(isKept);
  if (!keeps.includes(false)) return span;
  const events = span.events.filter((_, index) => keeps[index]);
  const before = receivedOf<ReceivedItem>(span);
  if (before === undefined) return { ...span, events };
  const { events: were } = before.message as { readonly events?: readonly unknown[] }; // in the same order
  const message = { ...before.message, events: (were ?? []).filter((_, index) => keeps[index]) };
  const now = { ...span, events, [received]: { ...before, message } };
  return now;
}
