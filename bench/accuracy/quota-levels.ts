import type { Account, TestCgroup } from '../../test/kernel/scheduler-fixture.ts';
import { targets } from './targets.ts';

/** A cgroup with a quota in another with one; one thread a CPU, so that the kernel's sums over CPUs are those over waits. */
export interface QuotaLevels {
  readonly child: TestCgroup;
  readonly parent: TestCgroup;
}

/** How long each level was throttled, ns: `local` by either. */
export interface Throttling {
  readonly child: number;
  readonly parent: number;
  readonly local: number;
}

/**
 * The blamed quota against the kernel's own statistics. While both have run out either may be named, but only one: each
 * level has at least what the other cannot have, and at most its own.
 */
export function missesOfLevels({ child, parent }: QuotaLevels, reported: Account): readonly string[] {
  const kernel = { child: child.throttled(), parent: parent.throttled(), local: child.throttledLocally() };
  const blamed = {
    child: reported.pair(child, child).throttled,
    parent: reported.pair(child, parent).throttled,
  };
  return levelMisses(kernel, blamed);
}

export function levelMisses(
  kernel: Throttling,
  blamed: { readonly child: number; readonly parent: number },
): readonly string[] {
  const points = (ns: number) => (ns / kernel.local) * 100;
  const misses: string[] = [];
  const check = (level: string, actual: number, own: number, others: number) => {
    const least = points(kernel.local - others);
    if (points(actual) > points(own) + targets.culprit || points(actual) < least - targets.culprit)
      misses.push(
        `the quota of the ${level} has ${points(actual).toFixed(2)} % of the throttled time, the kernel says ` +
          `${least.toFixed(2)} to ${points(own).toFixed(2)}`,
      );
  };
  if (!(kernel.local > 0)) return ['nothing was throttled'];
  check('child', blamed.child, kernel.child, kernel.parent);
  check('parent', blamed.parent, kernel.parent, kernel.child);
  return misses;
}
