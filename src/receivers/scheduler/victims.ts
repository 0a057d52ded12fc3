import type { PairReading, Waiter } from './source.ts';
import { performInSteps, type Steps } from './steps.ts';

/** Pairs handled in one step: 1 to 3 ms (`bench/reading.ts`). */
export const pairsAtOnce = 2048;

export function* groupByVictim(pairs: readonly PairReading[]): Steps<ReadonlyMap<Waiter, PairReading[]>> {
  const byVictim = new Map<Waiter, PairReading[]>();
  yield* performInSteps(pairs, pairsAtOnce, (pair) => {
    const others = byVictim.get(pair.victim);
    if (others) others.push(pair);
    else byVictim.set(pair.victim, [pair]);
  });
  return byVictim;
}
