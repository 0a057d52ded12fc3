import type { MetricData } from '@opentelemetry/sdk-metrics';
import type { Counter } from '../counters.ts';
import { gauge, type Interval, sum } from './build.ts';

/** Counters as metrics; `amount`: of a sum, what its point has. */
export function metricsOfCounters(
  readings: readonly Counter[],
  interval: Interval,
  amount: (counter: Counter) => number,
): readonly MetricData[] {
  return [...Map.groupBy(readings, ({ metric }) => metric)].map(([metric, counters]) => {
    const { kind, ...instrument } = metric;
    const points = (value: (counter: Counter) => number) =>
      counters.map((counter) => ({ value: value(counter), attributes: counter.attributes }));
    return kind === 'gauge'
      ? gauge(
          { ...instrument, kind },
          interval,
          points((counter) => counter.value),
        )
      : sum({ ...instrument, kind }, interval, points(amount));
  });
}
