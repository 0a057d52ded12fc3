import type { Resource } from '@opentelemetry/resources';
import type { DataPoint, MetricData, ResourceMetrics } from '@opentelemetry/sdk-metrics';
import type { LogsBatch } from '../../telemetry/logs.ts';
import type { MetricsBatch } from '../../telemetry/metrics/metrics.ts';
import { keepEvents } from '../../telemetry/span-events.ts';
import type { TracesBatch } from '../../telemetry/spans.ts';
import { mapChanged } from '../../telemetry/visit.ts';
import type { Subject } from './paths.ts';

/** Whether something is dropped; absent: nothing of the kind is. */
export type Drop = ((of: Subject) => boolean) | undefined;

export interface MetricDrops {
  readonly resource: Drop;
  readonly metric: Drop;
  readonly datapoint: Drop;
}

export interface RecordDrops {
  readonly resource: Drop;
  readonly log: Drop;
}

export interface SpanDrops {
  readonly resource: Drop;
  readonly span: Drop;
  readonly spanevent: Drop;
}

/** What becomes empty goes with its last item. The same batch if nothing is dropped. */
export function dropMetrics(batch: MetricsBatch, drops: MetricDrops): MetricsBatch {
  const of: Subject = {}; // one for all items: a batch has some ten thousand
  const resourceMetrics = mapChanged(batch.resourceMetrics, (each) => keptOfResource(each, drops, of));
  return resourceMetrics === batch.resourceMetrics ? batch : { signal: 'metrics', resourceMetrics };
}

function keptOfResource(all: ResourceMetrics, drops: MetricDrops, of: Subject): ResourceMetrics | undefined {
  of.resource = all.resource;
  if (drops.resource?.(of)) return undefined;
  const scopeMetrics = mapChanged(all.scopeMetrics, (scoped) => {
    of.scope = scoped.scope;
    const metrics = mapChanged(scoped.metrics, (metric) => keptOfMetric(metric, drops, of));
    if (metrics === scoped.metrics) return scoped;
    return metrics.length === 0 ? undefined : { ...scoped, metrics };
  });
  if (scopeMetrics === all.scopeMetrics) return all;
  return scopeMetrics.length === 0 ? undefined : { ...all, scopeMetrics };
}

function keptOfMetric(metric: MetricData, drops: MetricDrops, of: Subject): MetricData | undefined {
  of.metric = metric;
  if (drops.metric?.(of)) return undefined;
  const { datapoint: isDropped } = drops;
  if (isDropped === undefined) return metric;
  const dataPoints = mapChanged<DataPoint<unknown>>(metric.dataPoints, (point) => {
    of.datapoint = point;
    return isDropped(of) ? undefined : point;
  });
  if (dataPoints === metric.dataPoints) return metric;
  return dataPoints.length === 0 ? undefined : ({ ...metric, dataPoints } as MetricData); // points of the same kind
}

export function dropRecords(batch: LogsBatch, drops: RecordDrops): LogsBatch {
  const of: Subject = {};
  const isDroppedResource = oncePerResource(drops.resource);
  const records = mapChanged(batch.records, (log) => {
    of.resource = log.resource;
    of.scope = log.instrumentationScope;
    of.log = log;
    return isDroppedResource(of) || drops.log?.(of) ? undefined : log;
  });
  return records === batch.records ? batch : { signal: 'logs', records };
}

export function dropSpans(
  batch: TracesBatch,
  drops: SpanDrops,
  onEvents: (dropped: number) => void,
): TracesBatch {
  const of: Subject = {};
  const isDroppedResource = oncePerResource(drops.resource);
  const { spanevent: isDroppedEvent } = drops;
  const spans = mapChanged(batch.spans, (span) => {
    of.resource = span.resource;
    of.scope = span.instrumentationScope;
    of.span = span;
    if (isDroppedResource(of) || drops.span?.(of)) return undefined;
    if (isDroppedEvent === undefined) return span;
    const kept = keepEvents(span, (event) => {
      of.spanevent = event;
      return !isDroppedEvent(of);
    });
    if (kept !== span) onEvents(span.events.length - kept.events.length);
    return kept;
  });
  return spans === batch.spans ? batch : { signal: 'traces', spans };
}

/** Items of a batch share resources. */
function oncePerResource(drop: Drop): (of: Subject) => boolean {
  if (drop === undefined) return () => false;
  const known = new Map<Resource | undefined, boolean>();
  return (of) => {
    const result = known.get(of.resource) ?? drop(of);
    known.set(of.resource, result);
    return result;
  };
}
