import { percentage } from '../../../views/quantities.ts';
import type { Share } from '../verdict.ts';
import type { Observation } from '../window.ts';
import { type Rival, rivalsOf, threadsOf, timeBehind } from './rivals.ts';

/** Causes in which other workloads or services had the CPU. */
const contenders = ['sibling', 'neighbor', 'system'] as const;

/** Of the wait; less is within what the machine's other work changes. */
const worthSaying = 0.1;

export interface AbsenceAdviceOptions {
  readonly victim: Observation;
  readonly workloads: readonly Observation[];
  /** What keeps the culprit away. */
  readonly remedy: string;
}

/** The part of the wait that would not have been without a culprit, or the one that it had, where others may have taken its place. */
export function adviceWithout(
  { culprit }: Share,
  { victim, workloads, remedy }: AbsenceAdviceOptions,
): string {
  const rivals = rivalsOf(victim, workloads, contenders);
  const others = rivals.filter(({ cgroup }) => cgroup !== culprit.cgroup);
  const had = timeBehind(victim.blame, culprit.cgroup) / victim.wait;
  const removed = 1 - mostWaitBehind(others, victim, rivals) / victim.wait;
  if (removed < worthSaying)
    return (
      `${culprit.name} had the CPU for ${percentage(had)} of the wait; how much of that others or its own threads would have had in its place ` +
      'the window does not show'
    );
  const left =
    had - removed < 0.01
      ? ''
      : `, of which others or its own threads could have had ${percentage(had - removed)}`;
  return (
    `${remedy} would have removed at least about ${percentage(removed)} of the wait: ` +
    `${culprit.name} had the CPU for ${percentage(had)} of it${left}`
  );
}

/**
 * Seconds that the victim waits at most, of the same work on a machine that shares by weight, where these are the only others
 * that it has waited for.
 *
 * Of the time in which it can run, which does not become longer, it has its part by weight at least, however much the others
 * want. Another one that wants little is in its way at most for what it was, and for what it waited itself.
 */
function mostWaitBehind(others: readonly Rival[], victim: Observation, former: readonly Rival[]): number {
  const threads = threadsOf(victim);
  const contended = (victim.causes.get('self') ?? 0) + former.reduce((sum, { time }) => sum + time, 0);
  const runnable = victim.run + contended;
  let [ratios, demands] = [0, 0];
  for (const { time, ratio, delayed } of others) {
    const demand = time + threads * delayed;
    if (demand < runnable / (1 + 1 / ratio)) demands += demand;
    else ratios += ratio;
  }
  return runnable * (1 - 1 / (threads * (1 + ratios))) + demands + (victim.wait - contended);
}
