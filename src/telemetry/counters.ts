import type { CounterMetric } from './emits.ts';
import { seriesKey } from './series-key.ts';

/** One series of one of the agent's own counters. */
export interface Counter {
  readonly metric: CounterMetric;
  readonly attributes: Readonly<Record<string, string>>;
  readonly value: number;
}

/**
 * The agent's own counters: what passed through, and each loss with its reason. The hot path counts and never logs; the
 * `agent` receiver turns the totals into metrics.
 */
export interface Counters {
  add(metric: CounterMetric, by: number, attributes?: Readonly<Record<string, string>>): void;
  /** Totals since start, in order of first use. */
  read(): readonly Counter[];
}

/** Identifies the series among all counters. */
export const counterKey = ({ metric, attributes }: Pick<Counter, 'metric' | 'attributes'>) =>
  `${metric.name} ${seriesKey(attributes)}`;

export function createCounters(): Counters {
  const totals = new Map<string, Counter & { value: number }>();
  return {
    add(metric, by, attributes = {}) {
      const key = counterKey({ metric, attributes });
      const total = totals.get(key);
      if (total) total.value += by;
      else totals.set(key, { metric, attributes, value: by });
    },
    read: () => [...totals.values()],
  };
}
