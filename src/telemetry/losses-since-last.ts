import { type Counter, type Counters, counterKey } from './counters.ts';

/** At each call what was lost since the one before, by counter; at the first since the start of the agent. */
export function lossesSinceLast(counters: Counters): () => readonly Counter[] {
  let before = new Map<string, number>();
  return () => {
    const losses = counters.read().filter(({ metric }) => metric.isLoss);
    const grown = losses
      .map((counter) => ({ ...counter, value: counter.value - (before.get(counterKey(counter)) ?? 0) }))
      .filter(({ value }) => value > 0);
    before = new Map(losses.map((counter) => [counterKey(counter), counter.value]));
    return grown;
  };
}
