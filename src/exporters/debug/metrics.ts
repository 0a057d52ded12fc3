import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  type MetricData,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import { printable } from '../../printable.ts';
import { itemCount } from '../../telemetry/batch.ts';
import type { MetricsBatch } from '../../telemetry/metrics/metrics.ts';
import { summaryType } from '../../telemetry/metrics/summary.ts';
import type { Rendering } from './rendering.ts';
import { attributeLines, attributesText, timeText } from './text.ts';

export function metrics(batch: MetricsBatch): Rendering {
  const { resourceMetrics } = batch;
  const number = resourceMetrics.flatMap(metricsOf).length;
  return {
    counts: `metrics: resources=${resourceMetrics.length} metrics=${number} data points=${itemCount(batch)}`,
    lines: () => resourceMetrics.flatMap(pointLines),
    details: () => resourceMetrics.flatMap(pointDetails),
  };
}

const metricsOf = ({ scopeMetrics }: ResourceMetrics) => scopeMetrics.flatMap(({ metrics }) => metrics);

function pointLines(of: ResourceMetrics): string[] {
  const resource = attributesText(of.resource.attributes);
  return metricsOf(of).flatMap((metric) =>
    metric.dataPoints.map((point: DataPoint<unknown>) => `${pointText(metric, point)} resource${resource}\n`),
  );
}

const pointText = ({ descriptor: { name, unit } }: MetricData, { attributes, value }: DataPoint<unknown>) =>
  `${printable(name)}${attributesText(attributes)} ${numberText(value)} ${printable(unit)}`;

const temporalities = {
  [AggregationTemporality.DELTA]: 'delta',
  [AggregationTemporality.CUMULATIVE]: 'cumulative',
};

const kinds = {
  [DataPointType.SUM]: 'sum',
  [DataPointType.GAUGE]: 'gauge',
  [DataPointType.HISTOGRAM]: 'histogram',
  [DataPointType.EXPONENTIAL_HISTOGRAM]: 'exponential histogram',
  [summaryType]: 'summary',
};

function pointDetails(of: ResourceMetrics): string[] {
  return [
    `resource\n${attributeLines(of.resource.attributes, '  ')}`,
    ...metricsOf(of).flatMap((metric) => [
      `  ${printable(metric.descriptor.name)} (${kinds[metric.dataPointType]}, ${temporalities[metric.aggregationTemporality]}, unit ${printable(metric.descriptor.unit)})\n`,
      `    ${printable(metric.descriptor.description)}\n`,
      ...metric.dataPoints.map(
        ({ startTime, endTime, attributes, value }: DataPoint<unknown>) =>
          `    ${timeText(startTime)} – ${timeText(endTime)}: ${numberText(value)}${bucketsText(value)}\n${attributeLines(attributes, '      ')}`,
      ),
    ]),
  ];
}

/** A number, or what a histogram sums up to. */
function numberText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  const parts = ['count', 'sum', 'min', 'max'].map((key) => [key, Reflect.get(value, key)] as const);
  return parts.flatMap(([key, part]) => (part === undefined ? [] : [`${key}=${part}`])).join(' ');
}

function bucketsText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return '';
  const { count, sum, min, max, ...rest } = value as Record<string, unknown>;
  return ` ${JSON.stringify(rest)}`;
}
