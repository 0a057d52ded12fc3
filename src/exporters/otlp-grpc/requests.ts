import { ProtobufLogsSerializer, ProtobufMetricsSerializer } from '@opentelemetry/otlp-transformer';
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics';
import type { Payload } from '../../component.ts';
import { type Batch, itemCount } from '../../telemetry/batch.ts';
import type { Bytes } from '../../telemetry/units.ts';

/** Encodes a batch as requests of at most `limit` bytes; a single resource or record above it goes alone. */
export function requestsOf(batch: Batch, limit: Bytes): readonly Payload[] {
  if (batch.signal === 'logs') return split(batch.records, encodeLogs, limit);
  return split(
    batch.resourceMetrics.map(encodeResource).filter(({ items }) => items > 0),
    concatenate,
    limit,
  );
}

function encodeLogs(records: readonly ReadableLogRecord[]): Payload {
  const bytes = ProtobufLogsSerializer.serializeRequest([...records]) ?? new Uint8Array();
  return { signal: 'logs', bytes, items: records.length };
}

function encodeResource(resource: ResourceMetrics): Payload {
  return {
    signal: 'metrics',
    bytes: ProtobufMetricsSerializer.serializeRequest(resource) ?? new Uint8Array(),
    items: itemCount({ signal: 'metrics', resourceMetrics: [resource] }),
  };
}

/** The only field of a request is repeated: requests of one resource each, put together, are one request of all. */
function concatenate(requests: readonly Payload[]): Payload {
  return {
    signal: 'metrics',
    bytes: Buffer.concat(requests.map(({ bytes }) => bytes)),
    items: requests.reduce((sum, { items }) => sum + items, 0),
  };
}

function split<Part>(
  parts: readonly Part[],
  encode: (parts: readonly Part[]) => Payload,
  limit: Bytes,
): readonly Payload[] {
  if (parts.length === 0) return [];
  const whole = encode(parts);
  if (whole.bytes.length <= limit || parts.length === 1) return [whole];
  const half = parts.length >> 1;
  return [...split(parts.slice(0, half), encode, limit), ...split(parts.slice(half), encode, limit)];
}
