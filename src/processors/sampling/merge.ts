import type { Item, Wait } from './wait.ts';

/**
 * One of two waits, drawn in proportion to weight, carries the weight of both: on average any weighted sum over what is kept
 * is the sum over both, and the total weight is always exact.
 */
export function merge<T extends Item>(first: Wait<T>, second: Wait<T>, random: () => number): Wait<T> {
  const weight = first.weight + second.weight;
  const kept = random() * weight < first.weight ? first : second;
  return { ...kept, weight };
}
