import { otherCulprit } from '../../telemetry/attributes/culprit.ts';
import type { CgroupId } from '../../telemetry/units.ts';
import type { PairReading } from './source.ts';

/** Who left the CPU to one victim; `otherCulprit` stands for all beyond the named ones. */
export interface LastRunner {
  readonly culprit: CgroupId | typeof otherCulprit;
  /** ns of waits, whole, whoever had the CPU during them. */
  readonly time: number;
}

/**
 * Whom a look at the last to run would blame, and for how much, the most first. Named apart from the culprits: one who
 * only passes the CPU on displaces nobody who had it.
 */
export function lastRunnersOf(pairs: readonly PairReading[], max: number): LastRunner[] {
  const all = pairs
    .filter(({ last }) => last > 0)
    .map(({ culprit, last }) => ({ culprit, time: last }))
    .sort((a, b) => b.time - a.time);
  const rest = all.slice(max).reduce((sum, { time }) => sum + time, 0);
  return [...all.slice(0, max), ...(rest ? [{ culprit: otherCulprit, time: rest } as const] : [])];
}
