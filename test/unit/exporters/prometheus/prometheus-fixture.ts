import type { Attributes } from '@opentelemetry/api';
import {
  AggregationTemporality,
  DataPointType,
  type ExponentialHistogram,
  type Histogram,
  type MetricData,
} from '@opentelemetry/sdk-metrics';
import { textOf } from '../../../../src/exporters/prometheus/exposition/text.ts';
import { prometheus } from '../../../../src/exporters/prometheus/prometheus.ts';
import { Registry } from '../../../../src/exporters/prometheus/registry.ts';
import { type Config, settingsOf } from '../../../../src/exporters/prometheus/settings.ts';
import { resource } from '../../../../src/telemetry/metrics/build.ts';
import {
  asMetricData,
  type Summary,
  type SummaryMetricData,
  summaryType,
} from '../../../../src/telemetry/metrics/summary.ts';
import type { Nanoseconds } from '../../../../src/telemetry/units.ts';
import type { FakeClock } from '../../fake-clock.ts';
import { fakeHost } from '../../fake-host.ts';

export const defaults: Config = {
  endpoint: 'localhost:0',
  namespace: '',
  const_labels: {},
  send_timestamps: false,
  metric_expiration: 300e9 as Nanoseconds,
  enable_open_metrics: false,
  add_metric_suffixes: true,
  without_scope_info: true,
  resource_to_telemetry_conversion: { enabled: false },
  max_series: 100,
};

export interface Made {
  readonly name: string;
  readonly unit?: string;
  readonly kind?: 'counter' | 'gauge' | 'sum';
  readonly value: number | Histogram | ExponentialHistogram | Summary;
  readonly attributes?: Attributes;
  readonly resource?: Attributes;
  /** Seconds of the interval's begin and end. */
  readonly from?: number;
  readonly to?: number;
  readonly isCumulative?: boolean;
  readonly description?: string;
}

export const web = { 'service.name': 'web', 'service.instance.id': 'web-1' };

/** A batch of one point. */
export function metricsOf(...all: readonly Made[]) {
  return all.map((made) => ({
    resource: resource(made.resource ?? web),
    scopeMetrics: [{ scope: { name: 'scope', version: '1.2' }, metrics: [metricOf(made)] }],
  }));
}

function metricOf({ from = 0, to = 10, attributes = {}, value, ...made }: Made): MetricData {
  const point = { attributes, value, startTime: [from, 0], endTime: [to, 0] };
  const common = {
    descriptor: {
      name: made.name,
      unit: made.unit ?? '',
      description: made.description ?? 'A test.',
      valueType: 1,
    },
    aggregationTemporality: made.isCumulative
      ? AggregationTemporality.CUMULATIVE
      : AggregationTemporality.DELTA,
    dataPoints: [point],
  };
  const { kind = 'counter' } = made;
  if (typeof value === 'number')
    return (
      kind === 'gauge'
        ? { ...common, dataPointType: DataPointType.GAUGE }
        : { ...common, dataPointType: DataPointType.SUM, isMonotonic: kind === 'counter' }
    ) as MetricData;
  if ('quantiles' in value)
    return asMetricData({ ...common, dataPointType: summaryType } as SummaryMetricData);
  const dataPointType = 'scale' in value ? DataPointType.EXPONENTIAL_HISTOGRAM : DataPointType.HISTOGRAM;
  return { ...common, dataPointType } as MetricData;
}

export const exponential = (
  offset: number,
  bucketCounts: number[],
  more: object = {},
): ExponentialHistogram => ({
  count: bucketCounts.reduce((sum, count) => sum + count, 0),
  ...{ sum: 1.5, scale: 0, zeroCount: 0, positive: { offset, bucketCounts } },
  negative: { offset: 0, bucketCounts: [] },
  ...more,
});

export const explicit = (boundaries: number[], counts: number[], sum?: number): Histogram => ({
  buckets: { boundaries, counts },
  count: counts.reduce((total, count) => total + count, 0),
  ...(sum !== undefined && { sum }),
});

/** A registry without a server, and its lines of text. */
export function setUp(changes: Partial<Config> = {}) {
  const { host } = fakeHost('prometheus', prometheus.emits);
  const registry = new Registry(settingsOf({ ...defaults, ...changes }), host);
  type Options = Parameters<typeof textOf>[1];
  const lines = (options: Partial<Options> = {}) =>
    [...textOf(registry.families(), { openMetrics: false, timestamps: false, utf8: false, ...options })]
      .join('')
      .split('\n')
      .filter((line) => line !== '');
  return {
    ...{ host, registry, lines, clock: host.clock as FakeClock },
    /** Without comments. */
    samples: (options?: Partial<Options>) => lines(options).filter((line) => !line.startsWith('#')),
    counted: (name: string) =>
      Object.fromEntries(
        host.counters
          .read()
          .filter(({ metric }) => metric.name === name)
          .map(({ attributes, value }) => [attributes.reason ?? '', value]),
      ),
  };
}
