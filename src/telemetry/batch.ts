import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics';

export type Signal = 'metrics' | 'logs';

/**
 * What flows through a pipeline, in OpenTelemetry's own types. Immutable: a component that changes something builds
 * new objects, so that a batch can be handed to several consumers without a copy. Metrics are deltas of one interval;
 * an exporter whose destination wants cumulative ones converts before its queue.
 */
export type Batch =
  | { readonly signal: 'metrics'; readonly resourceMetrics: readonly ResourceMetrics[] }
  | { readonly signal: 'logs'; readonly records: readonly ReadableLogRecord[] };

/** Data points or log records in a batch: the Collector's unit for counting loss. */
export function itemCount(batch: Batch): number {
  if (batch.signal === 'logs') return batch.records.length;
  let points = 0;
  for (const resource of batch.resourceMetrics)
    for (const scope of resource.scopeMetrics)
      for (const metric of scope.metrics) points += metric.dataPoints.length;
  return points;
}
