import type { Attributes } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { MetricData, ResourceMetrics } from '@opentelemetry/sdk-metrics';
import type { Batch } from './batch.ts';
import { resource } from './build.ts';

export interface AttributeMaps {
  resource(attributes: Attributes): Attributes;
  /** A data point or a log record. */
  item(attributes: Attributes): Attributes;
}

/** The same batch with other attributes. */
export function mapAttributes(batch: Batch, maps: AttributeMaps): Batch {
  if (batch.signal === 'metrics')
    return {
      signal: 'metrics',
      resourceMetrics: batch.resourceMetrics.map((of) => mapResourceMetrics(of, maps)),
    };
  const resources = new Map<Resource, Resource>(); // records of one resource go on sharing it
  return {
    signal: 'logs',
    records: batch.records.map((record) => {
      const mapped = resources.get(record.resource) ?? resource(maps.resource(record.resource.attributes));
      resources.set(record.resource, mapped);
      return { ...record, resource: mapped, attributes: maps.item(record.attributes) };
    }),
  };
}

function mapResourceMetrics(of: ResourceMetrics, maps: AttributeMaps): ResourceMetrics {
  return {
    resource: resource(maps.resource(of.resource.attributes)),
    scopeMetrics: of.scopeMetrics.map((scope) => ({
      ...scope,
      metrics: scope.metrics.map((metric) => mapPoints(metric, maps)),
    })),
  };
}

function mapPoints(metric: MetricData, maps: AttributeMaps): MetricData {
  const dataPoints = metric.dataPoints.map((point) => ({
    ...point,
    attributes: maps.item(point.attributes),
  }));
  return { ...metric, dataPoints } as MetricData; // the kind of point goes with the kind of metric, unchanged
}
