import type { Attributes, HrTime } from '@opentelemetry/api';
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  type MetricData,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import { Type } from 'typebox';
import type { ExporterComponent } from '../component.ts';
import { type Batch, itemCount } from '../telemetry/batch.ts';

const config = Type.Object({
  verbosity: Type.Enum(['basic', 'normal', 'detailed'], {
    default: 'basic',
    description: 'Counts only; a line for each data point and log record; everything there is about each.',
  }),
});

export const debug: ExporterComponent<typeof config> = {
  kind: 'exporter',
  type: 'debug',
  summary: 'Prints what comes to it on standard output, to see what a pipeline does.',
  signals: ['metrics', 'logs'],
  config,
  async open({ verbosity }, host) {
    return {
      encode: (batch) => [
        {
          signal: batch.signal,
          bytes: Buffer.from(texts[verbosity](batch).join('')),
          items: itemCount(batch),
        },
      ],
      async send({ bytes }) {
        await host.machine.terminal.print(Buffer.from(bytes).toString());
        return { kind: 'accepted' };
      },
      async close() {},
    };
  },
};

const texts: Readonly<Record<'basic' | 'normal' | 'detailed', (batch: Batch) => readonly string[]>> = {
  basic: (batch) => [`${countsOf(batch)}\n`],
  normal: (batch) =>
    batch.signal === 'logs' ? batch.records.map(recordLine) : batch.resourceMetrics.flatMap(pointLines),
  detailed: (batch) => [
    `${countsOf(batch)}\n`,
    ...(batch.signal === 'logs'
      ? batch.records.map(recordDetails)
      : batch.resourceMetrics.flatMap(pointDetails)),
  ],
};

function countsOf(batch: Batch): string {
  if (batch.signal === 'logs') return `logs: log records=${itemCount(batch)}`;
  const metrics = batch.resourceMetrics.flatMap(metricsOf).length;
  return `metrics: resources=${batch.resourceMetrics.length} metrics=${metrics} data points=${itemCount(batch)}`;
}

const metricsOf = ({ scopeMetrics }: ResourceMetrics) => scopeMetrics.flatMap(({ metrics }) => metrics);

function pointLines(of: ResourceMetrics): string[] {
  const resource = attributesText(of.resource.attributes);
  return metricsOf(of).flatMap((metric) =>
    metric.dataPoints.map((point: DataPoint<unknown>) => `${pointText(metric, point)} resource${resource}\n`),
  );
}

const pointText = ({ descriptor: { name, unit } }: MetricData, { attributes, value }: DataPoint<unknown>) =>
  `${name}${attributesText(attributes)} ${valueText(value)} ${unit}`;

function recordLine(record: ReadableLogRecord): string {
  const { eventName = 'log', body, attributes, resource } = record;
  const text = body === undefined ? '' : ` ${typeof body === 'string' ? body : JSON.stringify(body)}`;
  return `${timeText(record.hrTime)} ${eventName}${text} ${attributesText(attributes)} resource${attributesText(resource.attributes)}\n`;
}

const temporalities = {
  [AggregationTemporality.DELTA]: 'delta',
  [AggregationTemporality.CUMULATIVE]: 'cumulative',
};

const kinds = {
  [DataPointType.SUM]: 'sum',
  [DataPointType.GAUGE]: 'gauge',
  [DataPointType.HISTOGRAM]: 'histogram',
  [DataPointType.EXPONENTIAL_HISTOGRAM]: 'exponential histogram',
};

function pointDetails(of: ResourceMetrics): string[] {
  return [
    `resource\n${attributeLines(of.resource.attributes, '  ')}`,
    ...metricsOf(of).flatMap((metric) => [
      `  ${metric.descriptor.name} (${kinds[metric.dataPointType]}, ${temporalities[metric.aggregationTemporality]}, unit ${metric.descriptor.unit})\n`,
      `    ${metric.descriptor.description}\n`,
      ...metric.dataPoints.map(
        ({ startTime, endTime, attributes, value }: DataPoint<unknown>) =>
          `    ${timeText(startTime)} – ${timeText(endTime)}: ${valueText(value)}${bucketsText(value)}\n${attributeLines(attributes, '      ')}`,
      ),
    ]),
  ];
}

function recordDetails(record: ReadableLogRecord): string {
  const { eventName = '', severityText = '', body, attributes, resource } = record;
  return [
    `log record ${eventName}\n`,
    `  time ${timeText(record.hrTime)}, observed ${timeText(record.hrTimeObserved)}\n`,
    `  severity ${severityText}\n`,
    body === undefined ? '' : `  body ${JSON.stringify(body)}\n`,
    `  attributes\n${attributeLines(attributes, '    ')}`,
    `  resource\n${attributeLines(resource.attributes, '    ')}`,
  ].join('');
}

const pairs = (attributes: Attributes) =>
  Object.entries(attributes).map(([key, value]) => [
    key,
    typeof value === 'string' ? value : JSON.stringify(value),
  ]);

const attributesText = (attributes: Attributes) =>
  `{${pairs(attributes)
    .map((pair) => pair.join('='))
    .join(', ')}}`;

const attributeLines = (attributes: Attributes, indent: string) =>
  pairs(attributes)
    .map((pair) => `${indent}${pair.join(': ')}\n`)
    .join('');

/** A number, or what a histogram sums up to. */
function valueText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  const parts = ['count', 'sum', 'min', 'max'].map((key) => [key, Reflect.get(value, key)] as const);
  return parts.flatMap(([key, part]) => (part === undefined ? [] : [`${key}=${part}`])).join(' ');
}

function bucketsText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return '';
  const { count, sum, min, max, ...rest } = value as Record<string, unknown>;
  return ` ${JSON.stringify(rest)}`;
}

const timeText = ([seconds, nanoseconds]: HrTime) =>
  new Date(seconds * 1000 + nanoseconds / 1e6).toISOString();
