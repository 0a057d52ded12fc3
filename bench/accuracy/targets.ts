import type { Comparison } from './compare.ts';

/** What is promised, in percent of what a cgroup waited. */
export const targets = { wait: 1, class: 1, culprit: 2, unknown: 0.5 } as const;

/**
 * Pairs are booked in quanta of 50 µs, sampled: of shorter sums a share says little. Cgroups that waited less are shown and
 * not judged.
 */
export const judgedFrom = 200e6;

/** What of it is missed, each as a sentence. */
export function missesOf(comparison: Comparison): readonly string[] {
  if (comparison.wait < judgedFrom) return [];
  const misses: string[] = [];
  const check = (what: string, error: number, target: number) => {
    if (!(Math.abs(error) <= target))
      misses.push(`${comparison.cgroup}: ${what} is ${error.toFixed(2)}, not within ${target}`);
  };
  check('error of the wait in %', comparison.waitError, targets.wait);
  for (const [name, { error }] of Object.entries(comparison.classes))
    check(`error of ${name} in %`, error, targets.class);
  for (const { name, error } of comparison.culprits)
    check(`error of culprit ${name} in points`, error, targets.culprit);
  check('throttled time without a culprit in points', comparison.throttledUnnamed, targets.culprit);
  check('unknown in %', comparison.unknown, targets.unknown);
  return misses;
}
