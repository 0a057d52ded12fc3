import { percentage } from '../../../views/quantities.ts';
import type { Diagnosis } from '../diagnose.ts';
import type { Quota } from '../quotas.ts';
import type { Share } from '../verdict.ts';
import type { Verdict } from '../verdicts.ts';
import type { Observation, Window } from '../window.ts';
import { limitAdvice } from './limit.ts';
import { weightAdvice } from './weight.ts';
import { adviceWithout } from './without-culprit.ts';

export interface AdviceContext {
  readonly window: Pick<Window, 'seconds' | 'workloads'>;
  /** Of a cgroup; undefined: not read. */
  quotaOf(cgroup: string): Quota | undefined;
}

/** What would have helped in the window, with the arithmetic that shows it; undefined: the data show nothing that would. */
export function adviceFor(
  { victim, explanation: { verdict, time, main } }: Diagnosis,
  { window, quotaOf }: AdviceContext,
): string | undefined {
  const remedy = main && remedies[verdict]?.(main);
  if (remedy) return adviceWithout(main, { victim, workloads: window.workloads, remedy });
  switch (verdict) {
    case 'quota_throttled':
      return main && limitAdvice(main, { window, quota: quotaOf(main.culprit.cgroup) });
    case 'overcommitted':
      return weightAdvice(victim, window.workloads);
    case 'self_contention':
      return threadsAdvice(victim, { time, seconds: window.seconds });
    default:
      return undefined;
  }
}

/** What takes a culprit away. */
const remedies: Readonly<Partial<Record<Verdict, (main: Share) => string>>> = {
  noisy_neighbor: ({ culprit }) => `Anti-affinity with ${culprit.name}`,
  sibling_contention: ({ culprit }) => `A pod of its own for ${culprit.name}, on other CPUs,`,
  system_interference: ({ culprit }) => `Keeping ${culprit.name} off these CPUs`,
};

/** Of the wait: beyond it, how many CPUs the workload has at a time depends on others. */
const mostBehindOthers = 0.05;

/** What threads that wait for one another have to do, no more of them at a time than run can do as well. */
function threadsAdvice(
  { run, wait }: Observation,
  { time, seconds }: { readonly time: number; readonly seconds: number },
): string | undefined {
  if (wait - time > mostBehindOthers * wait) return undefined;
  return (
    `No more threads at a time than it has CPUs could have done the same work in the same time, without ${percentage(time / wait)} ` +
    `of the wait: on average ${((run + time) / seconds).toFixed(1)} could run, and ${(run / seconds).toFixed(1)} did`
  );
}
