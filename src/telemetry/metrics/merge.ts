import { type DataPoint, DataPointType, type MetricData } from '@opentelemetry/sdk-metrics';
import { seriesKey } from '../series-key.ts';
import { merge } from './histogram.ts';

/** One point for each set of attributes: what became equal is added up. Gauges stay as they are: levels do not add. */
export function mergePoints(metric: MetricData): MetricData {
  switch (metric.dataPointType) {
    case DataPointType.SUM:
      return { ...metric, dataPoints: merged(metric.dataPoints, (a, b) => a + b) };
    case DataPointType.EXPONENTIAL_HISTOGRAM:
      return { ...metric, dataPoints: merged(metric.dataPoints, merge) };
    default:
      return metric;
  }
}

function merged<Value>(points: DataPoint<Value>[], plus: (a: Value, b: Value) => Value): DataPoint<Value>[] {
  if (areDistinct(points)) return points;
  const sums = new Map<string, DataPoint<Value>>();
  for (const point of points) {
    const key = seriesKey(point.attributes);
    const former = sums.get(key);
    sums.set(key, former ? { ...former, value: plus(former.value, point.value) } : point);
  }
  return [...sums.values()];
}

/** Whether one attribute is distinct in all points, as the culprit's id is: much cheaper than their keys. */
function areDistinct(points: readonly DataPoint<unknown>[]): boolean {
  const [first] = points;
  if (first === undefined || points.length === 1) return true;
  return Object.keys(first.attributes).some((key) => {
    const texts = new Set<unknown>();
    for (const { attributes } of points) {
      const text = attributes[key];
      if (typeof text !== 'string' || texts.has(text)) return false;
      texts.add(text);
    }
    return true;
  });
}
