import { DataPointType, type Histogram, type MetricData } from '@opentelemetry/sdk-metrics';
import { merge } from './histogram.ts';

/** Adds a delta to a total. Undefined: they do not add up, as levels do not. */
export type Addition = (total: never, delta: never) => unknown;

const additions: { readonly [Type in DataPointType]: Addition | undefined } = {
  [DataPointType.SUM]: (total: number, delta: number) => total + delta,
  [DataPointType.EXPONENTIAL_HISTOGRAM]: merge,
  [DataPointType.HISTOGRAM]: addHistograms,
  [DataPointType.GAUGE]: undefined,
};

/** How points of the metric add up. It gives undefined for histograms of different bounds. */
export const additionOf = ({ dataPointType }: Pick<MetricData, 'dataPointType'>): Addition | undefined =>
  additions[dataPointType];

function addHistograms(a: Histogram, b: Histogram): Histogram | undefined {
  const { boundaries } = a.buckets;
  const isSame =
    boundaries.length === b.buckets.boundaries.length &&
    boundaries.every((bound, at) => bound === b.buckets.boundaries[at]);
  if (!isSame) return undefined;
  const counts = a.buckets.counts.map((count, at) => count + (b.buckets.counts[at] ?? 0));
  const sum = a.sum === undefined || b.sum === undefined ? undefined : a.sum + b.sum;
  return { buckets: { boundaries, counts }, count: a.count + b.count, ...(sum !== undefined && { sum }) };
}
