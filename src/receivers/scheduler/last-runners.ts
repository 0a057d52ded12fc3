import { otherCulprit } from '../../telemetry/attributes/culprit.ts';
import type { CgroupId } from '../../telemetry/units.ts';
import type { PairReading } from './source.ts';

/** A cgroup that left the CPU to one victim; `otherCulprit` stands for all beyond the named ones. */
export interface LastRunner {
  readonly culprit: CgroupId | typeof otherCulprit;
  /** Full duration of the waits, ns, independent of what ran during them. */
  readonly time: number;
}

/**
 * What a last-runner heuristic would blame, the most first. Counted apart from the culprits: a cgroup that only passes the
 * CPU on displaces no culprit.
 */
export function lastRunnersOf(pairs: readonly PairReading[], max: number): LastRunner[] {
  const all = pairs
    .filter(({ last }) => last > 0)
    .map(({ culprit, last }) => ({ culprit, time: last }))
    .sort((a, b) => b.time - a.time);
  const rest = all.slice(max).reduce((sum, { time }) => sum + time, 0);
  return [...all.slice(0, max), ...(rest ? [{ culprit: otherCulprit, time: rest } as const] : [])];
}
