import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import { eventAttributes } from '../../telemetry/attributes/event.ts';
import type { Batch } from '../../telemetry/batch.ts';
import type { LogsBatch } from '../../telemetry/logs.ts';
import type { Span, TracesBatch } from '../../telemetry/spans.ts';
import { type Nanoseconds, nanoseconds, unixTime } from '../../telemetry/units.ts';
import type { Item } from './wait.ts';

/** How the items of a signal are sampled. */
export interface Kind<B extends Batch, T extends Item> {
  readonly signal: B['signal'];
  itemsIn(batch: B): readonly T[];
  batchOf(items: readonly T[]): B;
  /** Undefined: the item is no wait, and is never dropped. */
  durationOf(item: T): Nanoseconds | undefined;
  traceIdOf(item: T): string | undefined;
}

export const logKind: Kind<LogsBatch, ReadableLogRecord> = {
  signal: 'logs',
  itemsIn: ({ records }) => records,
  batchOf: (records) => ({ signal: 'logs', records }),
  durationOf({ attributes }) {
    const seconds = attributes[eventAttributes.duration.key];
    return typeof seconds === 'number' ? nanoseconds(Math.round(seconds * 1e9)) : undefined;
  },
  traceIdOf: ({ spanContext }) => spanContext?.traceId,
};

export const spanKind: Kind<TracesBatch, Span> = {
  signal: 'traces',
  itemsIn: ({ spans }) => spans,
  batchOf: (spans) => ({ signal: 'traces', spans }),
  durationOf: ({ startTime, endTime }) => nanoseconds(Number(unixTime(endTime) - unixTime(startTime))),
  traceIdOf: (span) => span.spanContext().traceId,
};
