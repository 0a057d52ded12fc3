import type { HrTime } from '@opentelemetry/api';
import { JsonMetricsSerializer, ProtobufMetricsSerializer } from '@opentelemetry/otlp-transformer';
import type { DataPoint, MetricData, ResourceMetrics } from '@opentelemetry/sdk-metrics';
import { createCodec } from '../otlp-codec.ts';
import type { SignalKind } from '../signal-kind.ts';
import { pack } from '../split.ts';
import { createItemOf, type ItemOf, mapChanged, type Visit } from '../visit.ts';
import { requestTypes, responseTypes } from '../wire/messages.ts';
import { metricsMessage, resourceMetricsOf } from '../wire/metrics.ts';
import { joinMetrics } from './join.ts';
import { mergePoints } from './merge.ts';

/** Deltas of one interval. */
export interface MetricsBatch {
  readonly signal: 'metrics';
  readonly resourceMetrics: readonly ResourceMetrics[];
}

export const metrics = {
  item: { noun: 'metric_points', unit: '{datapoint}' },
  count: ({ resourceMetrics }) => resourceMetrics.reduce((sum, of) => sum + pointsIn(of), 0),
  empty: (): MetricsBatch => ({ signal: 'metrics', resourceMetrics: [] }),
  map(batch, visit) {
    const itemOf = createItemOf();
    const resourceMetrics = mapChanged(batch.resourceMetrics, (of) => mapResource(of, visit, itemOf));
    return resourceMetrics === batch.resourceMetrics ? batch : { signal: 'metrics', resourceMetrics };
  },
  split: ({ resourceMetrics }, most) =>
    pack(
      resourceMetrics.flatMap((of) => cut(of, most)),
      pointsIn,
      most,
    ).map((part) => ({ signal: 'metrics', resourceMetrics: part })),
  join: (batches) => ({
    signal: 'metrics',
    resourceMetrics: joinMetrics(batches.map(({ resourceMetrics }) => resourceMetrics)),
  }),
  otlp: createCodec({
    grpcMethod: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
    httpPath: '/v1/metrics',
    serializers: { proto: ProtobufMetricsSerializer, json: JsonMetricsSerializer },
    items: ({ resourceMetrics }: MetricsBatch) => resourceMetrics,
    contents: (resourceMetrics) => resourceMetrics,
    wire: { request: requestTypes.metrics, response: responseTypes.metrics, message: metricsMessage },
    decoded: (message): MetricsBatch => ({ signal: 'metrics', resourceMetrics: resourceMetricsOf(message) }),
    rejectedField: 'rejectedDataPoints',
  }),
} as const satisfies SignalKind<MetricsBatch>;

function pointsIn({ scopeMetrics }: ResourceMetrics): number {
  let points = 0;
  for (const scope of scopeMetrics) for (const metric of scope.metrics) points += metric.dataPoints.length;
  return points;
}

/** The end of the first point; a resource without points has no time. */
function endOf({ scopeMetrics }: ResourceMetrics): HrTime {
  for (const scope of scopeMetrics)
    for (const { dataPoints } of scope.metrics) if (dataPoints[0]) return dataPoints[0].endTime;
  return [0, 0];
}

function mapResource(
  of: ResourceMetrics,
  visit: Visit,
  itemOf: (time: HrTime, resource: ResourceMetrics['resource'], metric?: string) => ItemOf,
): ResourceMetrics | undefined {
  const { at } = itemOf(endOf(of), of.resource);
  const resource = visit.resource(of.resource, { at, items: pointsIn(of) });
  if (resource === undefined) return undefined;
  const mapMetric = (metric: MetricData): MetricData => {
    const dataPoints = mapChanged<DataPoint<unknown>>(metric.dataPoints, (point) => {
      const attributes = visit.item(
        point.attributes,
        itemOf(point.endTime, of.resource, metric.descriptor.name),
      );
      return attributes === point.attributes ? point : { ...point, attributes };
    });
    if (dataPoints === metric.dataPoints) return metric;
    const mapped = { ...metric, dataPoints } as MetricData; // points of the same kind as before
    return visit.mergesEqual ? mergePoints(mapped) : mapped;
  };
  const scopeMetrics = mapChanged(of.scopeMetrics, (scope) => {
    const mapped = mapChanged(scope.metrics, mapMetric);
    return mapped === scope.metrics ? scope : { ...scope, metrics: mapped };
  });
  const isSame = resource === of.resource && scopeMetrics === of.scopeMetrics;
  return isSame ? of : { ...of, resource, scopeMetrics };
}

/** A resource stays whole where it has room. */
function cut(of: ResourceMetrics, most: number): readonly ResourceMetrics[] {
  if (pointsIn(of) <= most) return [of];
  return of.scopeMetrics.flatMap((scope) =>
    scope.metrics.flatMap((metric) =>
      Array.from({ length: Math.ceil(metric.dataPoints.length / most) }, (_, index): ResourceMetrics => {
        const dataPoints = metric.dataPoints.slice(index * most, (index + 1) * most);
        return { ...of, scopeMetrics: [{ ...scope, metrics: [{ ...metric, dataPoints } as MetricData] }] };
      }),
    ),
  );
}
