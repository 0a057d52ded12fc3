import type { HrTime } from '@opentelemetry/api';
import type { ExponentialHistogram, Histogram } from '@opentelemetry/sdk-metrics';
import type { Summary } from '../../telemetry/metrics/summary.ts';
import type { Label } from './labels.ts';
import { escapedName } from './names.ts';

export type Value = number | Distribution | Summary;
export type Distribution = Histogram | ExponentialHistogram;

/** Of Prometheus. */
export type FamilyType = 'counter' | 'gauge' | 'histogram' | 'summary';

/** One series as Prometheus gets it. */
export interface Sample {
  readonly labels: readonly Label[];
  readonly value: Value;
  /** When counting began; of a gauge it means nothing. */
  readonly start: HrTime;
  /** Undefined: no moment of its own. */
  readonly end: HrTime | undefined;
}

/** Powers of two from `first` to `last`. */
export interface BoundRange {
  readonly first: number;
  readonly last: number;
}

/** All series of one name. */
export interface Family {
  readonly name: string;
  readonly type: FamilyType;
  readonly help: string;
  readonly samples: Iterable<Sample>;
  /** Classic bounds of exponential histograms, as far as they have been shown. */
  bounds?: BoundRange;
}

export const isSummary = (value: Value): value is Summary =>
  typeof value === 'object' && 'quantiles' in value;

export const isExponential = (value: Value): value is ExponentialHistogram =>
  typeof value === 'object' && 'scale' in value;

/** All names under which the series of a metric are shown in one format or another; no other metric may have one of them. */
export function sampleNames({ name, type }: Pick<Family, 'name' | 'type'>): readonly string[] {
  const suffixes = {
    histogram: ['_bucket', '_count', '_sum'],
    summary: ['_count', '_sum'],
    counter: [],
    gauge: [],
  }[type];
  const names = [
    ...['', ...suffixes].map((suffix) => `${name}${suffix}`),
    ...(type === 'counter' ? [withoutTotal(name)] : []),
  ];
  return [...new Set(names.flatMap((each) => [each, escapedName(each)]))];
}

/** OpenMetrics names a counter without its suffix. */
export const withoutTotal = (name: string) => name.replace(/_total$/, '');
