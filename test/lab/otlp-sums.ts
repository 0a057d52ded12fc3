import type { ReceivedMetrics } from './otlp-decode.ts';

/** Over all points of a metric, by the value of an attribute. */
export function sumBy(
  received: readonly ReceivedMetrics[],
  metric: string,
  attribute: string,
): ReadonlyMap<unknown, number> {
  const sums = new Map<unknown, number>();
  for (const { metrics } of received)
    for (const point of metrics.filter(({ name }) => name === metric).flatMap(({ points }) => points)) {
      const key = point.attributes[attribute];
      sums.set(key, (sums.get(key) ?? 0) + Number(point.value));
    }
  return sums;
}

export function total(sums: ReadonlyMap<unknown, number>): number {
  return [...sums.values()].reduce((a, b) => a + b, 0);
}
