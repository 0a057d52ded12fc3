import type { Attributes } from '@opentelemetry/api';
import type { DataPoint, SumMetricData } from '@opentelemetry/sdk-metrics';
import { type Cause, waitAttributes } from '../../telemetry/attributes/wait.ts';
import { findSum } from '../../telemetry/metrics/find.ts';
import type { MetricsBatch } from '../../telemetry/metrics/metrics.ts';
import { waitMetrics } from '../../telemetry/metrics/wait.ts';
import { mapChanged } from '../../telemetry/visit.ts';
import { causeOf } from './cause.ts';

/** Wait time by cause: that of others and of quotas is divided as the blame of the same resource is. */
export function divideWaits(batch: MetricsBatch): MetricsBatch {
  const resourceMetrics = mapChanged(batch.resourceMetrics, (of) => {
    const scopeMetrics = mapChanged(of.scopeMetrics, (scope) => {
      const wait = findSum(scope.metrics, waitMetrics.waitTime);
      if (wait === undefined) return scope;
      const blame = findSum(scope.metrics, waitMetrics.blameTime)?.dataPoints ?? [];
      const divided = { ...wait, dataPoints: divide(wait, blame, of.resource.attributes) };
      return { ...scope, metrics: scope.metrics.map((metric) => (metric === wait ? divided : metric)) };
    });
    return scopeMetrics === of.scopeMetrics ? of : { ...of, scopeMetrics };
  });
  return { ...batch, resourceMetrics };
}

/** Time for which no culprit is blamed is unknown; a point without a class stays as it is. */
function divide(
  { dataPoints }: SumMetricData,
  blame: readonly DataPoint<number>[],
  victim: Attributes,
): DataPoint<number>[] {
  const divided: DataPoint<number>[] = [];
  const byCause = new Map<Cause, number>();
  const add = (cause: Cause, value: number) => byCause.set(cause, (byCause.get(cause) ?? 0) + value);
  for (const wait of dataPoints) {
    const waitClass = classOf(wait);
    let unnamed = wait.value;
    if (waitClass === undefined) divided.push(wait);
    else if (waitClass === 'other' || waitClass === 'throttled') {
      for (const blamed of blame) {
        if (classOf(blamed) !== waitClass) continue;
        add(causeOf(waitClass, victim, blamed.attributes), blamed.value);
        unnamed -= blamed.value;
      }
      if (unnamed > halfNanosecond) add('unknown', unnamed);
    } else add(causeOf(waitClass, {}, {}), unnamed);
  }
  const [first] = dataPoints;
  if (first)
    for (const [cause, value] of byCause)
      divided.push({ ...first, attributes: { [waitAttributes.cause.key]: cause }, value });
  return divided;
}

const classOf = ({ attributes }: DataPoint<number>) => attributes[waitAttributes.class.key];

/** Less is what is left of subtracting seconds from seconds. */
const halfNanosecond = 0.5e-9;
