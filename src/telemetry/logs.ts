import { type Attributes, SeverityNumber } from '@opentelemetry/api';
import { JsonLogsSerializer, ProtobufLogsSerializer } from '@opentelemetry/otlp-transformer';
import type { Resource } from '@opentelemetry/resources';
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import type { Event } from './emits.ts';
import { scope } from './metrics/build.ts';
import { createCodec } from './otlp-codec.ts';
import { withSharedResources } from './shared-resources.ts';
import type { SignalKind } from './signal-kind.ts';
import { chunks } from './split.ts';
import { hrTime, type UnixNanoseconds } from './units.ts';
import { createItemOf, type ItemOf, mapChanged, type Visit } from './visit.ts';
import { logsMessage, recordsOf } from './wire/logs.ts';
import { requestTypes, responseTypes } from './wire/messages.ts';

export interface LogsBatch {
  readonly signal: 'logs';
  readonly records: readonly ReadableLogRecord[];
}

export const logs = {
  item: { noun: 'log_records', unit: '{record}' },
  count: ({ records }) => records.length,
  empty: (): LogsBatch => ({ signal: 'logs', records: [] }),
  map(batch, visit) {
    const itemOf = createItemOf();
    const records = mapChanged(batch.records, (record) =>
      mapRecord(record, visit, itemOf(record.hrTime, record.resource)),
    );
    return records === batch.records ? batch : { signal: 'logs', records };
  },
  split: ({ records }, most) => chunks(records, most).map((part) => ({ signal: 'logs', records: part })),
  join: (batches) => ({
    signal: 'logs',
    records: withSharedResources(batches.map(({ records }) => records)),
  }),
  otlp: createCodec({
    grpcMethod: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
    httpPath: '/v1/logs',
    serializers: { proto: ProtobufLogsSerializer, json: JsonLogsSerializer },
    items: ({ records }: LogsBatch) => records,
    contents: (records) => [[...records]],
    wire: { request: requestTypes.logs, response: responseTypes.logs, message: logsMessage },
    decoded: (message): LogsBatch => ({ signal: 'logs', records: recordsOf(message) }),
    rejectedField: 'rejectedLogRecords',
  }),
} as const satisfies SignalKind<LogsBatch>;

/** One occurrence, at its own time, with the time at which the agent learned of it. */
export function event(
  of: Pick<Event, 'name'>,
  occurrence: {
    readonly resource: Resource;
    readonly at: UnixNanoseconds;
    readonly observed: UnixNanoseconds;
    readonly attributes: Attributes;
    readonly body?: string;
  },
): ReadableLogRecord {
  const { at, observed, body, ...rest } = occurrence;
  return {
    ...rest,
    ...(body === undefined ? {} : { body }),
    eventName: of.name,
    severityNumber: SeverityNumber.INFO,
    severityText: 'INFO',
    hrTime: hrTime(at),
    hrTimeObserved: hrTime(observed),
    instrumentationScope: scope,
    droppedAttributesCount: 0,
  };
}

function mapRecord(record: ReadableLogRecord, visit: Visit, of: ItemOf): ReadableLogRecord | undefined {
  const resource = visit.resource(record.resource, of);
  if (resource === undefined) return undefined;
  const attributes = visit.item(record.attributes, of);
  const isSame = resource === record.resource && attributes === record.attributes;
  return isSame ? record : { ...record, resource, attributes };
}
