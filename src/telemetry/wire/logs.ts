import type { AnyValue as ApiValue } from '@opentelemetry/api';
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import { hrTime, type UnixNanoseconds } from '../units.ts';
import { requestFields } from './messages.ts';
import type { Message } from './proto.ts';
import { type AttributedMessage, type Received, type ReceivedScope, received } from './received.ts';
import { itemsOf, type ReceivedInScope, requestOf } from './received-items.ts';
import { spanContextOf } from './span-context.ts';
import { type AnyValue, attributesOf, plainValue } from './values.ts';

interface LogRecordMessage extends AttributedMessage {
  readonly timeUnixNano?: bigint;
  readonly observedTimeUnixNano?: bigint;
  readonly severityNumber?: number;
  readonly severityText?: string;
  readonly body?: AnyValue;
  readonly droppedAttributesCount?: number;
  readonly traceId?: Uint8Array;
  readonly spanId?: Uint8Array;
  readonly flags?: number;
  readonly eventName?: string;
}

const fields = requestFields.logs;

export const recordsOf = (request: Message): readonly ReadableLogRecord[] =>
  itemsOf(request, fields, recordOf);

function recordOf(
  message: LogRecordMessage,
  scope: ReceivedScope,
): Received<ReadableLogRecord, ReceivedInScope> {
  const { severityNumber, severityText, body, eventName, droppedAttributesCount = 0 } = message;
  const attributes = attributesOf(message.attributes);
  const time = message.timeUnixNano ?? 0n;
  const observed = message.observedTimeUnixNano ?? 0n;
  const spanContext = spanContextOf(message);
  return {
    // as the protocol has a reader do it, where a source does not know the time
    hrTime: hrTime((time === 0n ? observed : time) as UnixNanoseconds),
    hrTimeObserved: hrTime(observed as UnixNanoseconds),
    ...(spanContext && { spanContext }),
    ...(severityNumber !== undefined && { severityNumber }),
    ...(severityText !== undefined && { severityText }),
    ...(body !== undefined && { body: plainValue(body) as ApiValue }),
    ...(eventName !== undefined && { eventName }),
    resource: scope.of.model,
    instrumentationScope: scope.model,
    attributes,
    droppedAttributesCount,
    [received]: { message, list: message.attributes, attributes, scope },
  };
}

/** Records that were received, as a request. */
export const logsMessage = (records: readonly ReadableLogRecord[]): Message => requestOf(records, fields);
