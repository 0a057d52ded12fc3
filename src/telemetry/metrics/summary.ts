import type { DataPoint, MetricData } from '@opentelemetry/sdk-metrics';

/** What OpenTelemetry's SDK does not make and OTLP can carry: quantiles, computed by the source. Always cumulative. */
export interface Summary {
  readonly count: number;
  readonly sum: number;
  readonly quantiles: readonly { readonly quantile: number; readonly value: number }[];
}

export interface SummaryMetricData extends Pick<MetricData, 'descriptor' | 'aggregationTemporality'> {
  readonly dataPointType: typeof summaryType;
  readonly dataPoints: DataPoint<Summary>[];
}

/** Beside the SDK's own, which end at 3. */
export const summaryType = 4;

/** In a batch it stands among the SDK's types; code that does not ask for it sees points of a kind that it does not know. */
export const asMetricData = (metric: SummaryMetricData): MetricData => metric as unknown as MetricData;
