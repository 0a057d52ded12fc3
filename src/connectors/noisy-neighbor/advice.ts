import { type Cause, causes } from '../../telemetry/attributes/wait.ts';
import { cpus, percentage } from '../../views/quantities.ts';
import { type Blame, type Culprit, culpritIn } from './blame.ts';
import type { Diagnosis } from './diagnose.ts';
import type { Quota } from './quotas.ts';
import type { Share } from './verdict.ts';
import { type Observation, requestOf, type Window } from './window.ts';

export interface AdviceContext {
  readonly window: Pick<Window, 'seconds' | 'workloads'>;
  /** Of a cgroup; undefined: not read. */
  quotaOf(cgroup: string): Quota | undefined;
}

/** What would have helped in the window, with the arithmetic that shows it; undefined: the data show nothing that would. */
export function adviceFor(diagnosis: Diagnosis, context: AdviceContext): string | undefined {
  const { victim, explanation } = diagnosis;
  const { seconds } = context.window;
  const { verdict, time, main } = explanation;
  switch (verdict) {
    case 'quota_throttled':
      return main && limitAdvice(main, context);
    case 'noisy_neighbor':
    case 'system_interference':
      return main && culpritAdvice(main.culprit, victim);
    case 'overcommitted':
      return requestAdvice(diagnosis, seconds);
    case 'self_contention': {
      const runnable = (victim.run + time) / seconds;
      return (
        `On average ${runnable.toFixed(1)} of its threads could run, and it had ${cpus(victim.run / seconds)}: ` +
        `with no more threads than CPUs, ${percentage(time / victim.wait)} of the wait would not have been`
      );
    }
    default:
      return undefined;
  }
}

/** What is worth a higher limit. */
const enough = 0.9;
/** CPUs: limits are set in such steps. */
const step = 0.1;

/**
 * A throttled period ended when the limit was used up; each second more of CPU lets a throttled thread run for one. The
 * threads of all workloads below the quota share it.
 */
function limitAdvice({ culprit }: Share, { window, quotaOf }: AdviceContext): string | undefined {
  const quota = quotaOf(culprit.cgroup);
  if (!quota || quota.throttledRate === 0) return undefined;
  const throttled = window.workloads.reduce(
    (sum, { blame }) => sum + timeBehind(blame, culprit, (cause) => cause.startsWith('throttled')),
    0,
  );
  if (throttled <= 0) return undefined;
  const perCpu = quota.period * quota.throttledRate * window.seconds;
  const limit = Math.ceil((quota.limit + (enough * throttled) / perCpu) / step - 1e-9) * step;
  const removed = Math.min(1, ((limit - quota.limit) * perCpu) / throttled);
  return (
    `Raising the CPU limit of ${culprit.name} from ${cpus(quota.limit)} to ${cpus(limit)} would have removed about ` +
    `${percentage(removed)} of the throttled time: ${(quota.throttledRate * window.seconds).toFixed(0)} periods of ` +
    `${(quota.period * 1000).toFixed(0)} ms ran out, and threads waited ${throttled.toFixed(2)} s for the next ones`
  );
}

function culpritAdvice(culprit: Culprit, { blame, wait }: Observation): string {
  const time = timeBehind(blame, culprit);
  return (
    `${culprit.name} had the CPU for ${percentage(time / wait)} of the wait: ` +
    'anti-affinity, a CPU limit for it, or a larger CPU request here keeps it from that'
  );
}

/** Seconds. */
function timeBehind(
  { rows, begin, end }: Blame,
  { cgroup }: Culprit,
  isCounted: (cause: Cause) => boolean = () => true,
): number {
  let sum = 0;
  for (let row = begin; row < end; row++) {
    const cause = causes[rows.cause[row] ?? 0];
    if (culpritIn(rows, row)?.cgroup === cgroup && cause && isCounted(cause)) sum += rows.time[row] ?? 0;
  }
  return sum;
}

function requestAdvice({ victim, explanation: { time } }: Diagnosis, seconds: number): string {
  const request = requestOf(victim.resource.attributes);
  const needed = (victim.run + time) / seconds;
  if (request === undefined || needed <= request)
    return 'All had their share: fewer workloads on these CPUs, or more CPUs';
  return (
    `It requests ${cpus(request)} and could have used ${cpus(needed)} (${cpus(victim.run / seconds)} that it had, ` +
    `${cpus(time / seconds)} that it waited for): a request of ${cpus(needed)} gives it the weight`
  );
}
