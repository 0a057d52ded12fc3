import { cpus, percentage } from '../../../views/quantities.ts';
import type { Quota } from '../quotas.ts';
import type { Share } from '../verdict.ts';
import type { Window } from '../window.ts';
import { timeBehind } from './rivals.ts';

/** Of the throttled time, what a higher limit is to remove. */
const enough = 0.9;
/** CPUs: limits are set in such steps. */
const step = 0.1;

export interface LimitAdviceOptions {
  readonly window: Pick<Window, 'seconds' | 'workloads'>;
  readonly quota: Quota | undefined;
}

/**
 * A throttled period ended when the limit was used up; each second more of CPU lets a throttled thread run for one. The
 * threads of all workloads below the quota share it. What rounding adds is not promised: some periods need more than others.
 */
export function limitAdvice(
  { culprit }: Share,
  { window: { seconds, workloads }, quota }: LimitAdviceOptions,
): string | undefined {
  if (!quota || quota.throttledRate === 0) return undefined;
  const throttled = workloads.reduce(
    (sum, { blame }) => sum + timeBehind(blame, culprit.cgroup, (cause) => cause.startsWith('throttled')),
    0,
  );
  if (throttled <= 0) return undefined;
  const perCpu = quota.period * quota.throttledRate * seconds;
  const limit = Math.ceil((quota.limit + (enough * throttled) / perCpu) / step - 1e-9) * step;
  return (
    `Raising the CPU limit of ${culprit.name} from ${cpus(quota.limit)} to ${cpus(limit)} would have removed at least about ` +
    `${percentage(enough)} of the throttled time: ${(quota.throttledRate * seconds).toFixed(0)} periods of ` +
    `${(quota.period * 1000).toFixed(0)} ms ran out, and threads waited ${throttled.toFixed(2)} s for the next ones`
  );
}
