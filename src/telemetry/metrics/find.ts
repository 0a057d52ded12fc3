import { DataPointType, type MetricData, type SumMetricData } from '@opentelemetry/sdk-metrics';
import type { Instrument } from '../emits.ts';

export function findSum(
  all: readonly MetricData[],
  { name }: Pick<Instrument, 'name'>,
): SumMetricData | undefined {
  return all.find(
    (metric): metric is SumMetricData =>
      metric.dataPointType === DataPointType.SUM && metric.descriptor.name === name,
  );
}
