import { culpritAttributes } from '../../telemetry/attributes/culprit.ts';
import { duration, percentage, period } from '../../views/quantities.ts';
import type { Culprit } from './blame.ts';
import type { Diagnosis } from './diagnose.ts';
import type { Baseline } from './history.ts';
import { culpritsOf, type Share, unjudgedTime } from './verdict.ts';
import type { Verdict } from './verdicts.ts';
import { requestOf, type Window } from './window.ts';

export interface Telling {
  readonly diagnosis: Diagnosis;
  readonly baseline: Baseline | undefined;
  readonly window: Pick<Window, 'seconds'> & {
    /** CPUs that a cgroup used; undefined: not known. */
    cpusOf(cgroup: string): number | undefined;
    /** That it stands for; absent: itself. */
    readonly windows?: number;
    /** `in the last 5.0 s`; absent: the newest. */
    readonly when?: string;
  };
}

/** The whole finding as one sentence, and another for its evidence. */
export function sentenceOf({ diagnosis, baseline, window }: Telling): string {
  const { victim, explanation, confidence } = diagnosis;
  const lost = `${victim.name} waited ${percentage(victim.wait / (victim.run + victim.wait))} of its runnable time ${window.when ?? lastOf(window.seconds)}`;
  const of = `${percentage(explanation.time / victim.wait)} of that`;
  return `${lost}; ${of} ${reasonOf(diagnosis, window)}${limits(diagnosis)}. ${latency({ diagnosis, baseline, window })}Confidence ${confidence.value.toFixed(2)}.`;
}

export const lastOf = (seconds: number) => `in the last ${period(seconds)}`;

function reasonOf(diagnosis: Diagnosis, window: Telling['window']): string {
  const { victim, explanation } = diagnosis;
  const { verdict } = explanation;
  return verdict === 'undetermined'
    ? doubtfulReason(diagnosis)
    : reasons[verdict](culpritsOf(victim, explanation), window);
}

/** What most of the time lacks for a verdict. */
function doubtfulReason({ victim, explanation: { time }, confidence: { loweredBy } }: Diagnosis): string {
  const unknown = victim.causes.get('unknown') ?? 0;
  const unjudged = unjudgedTime(victim);
  const uncertain = time - unknown - unjudged;
  if (unjudged >= Math.max(unknown, uncertain)) return 'behind neighbors whose share is not known';
  if (unknown >= uncertain) return 'for reasons that are not known';
  const [[doubt] = []] = loweredBy;
  if (doubt === 'culprit') return 'behind several others, of which none is the main one';
  return doubt === 'names' ? 'behind others without a name' : 'for reasons of which too little is known';
}

type Reason = (culprits: readonly Share[], window: Telling['window']) => string;

const reasons: Readonly<Record<Exclude<Verdict, 'undetermined'>, Reason>> = {
  noisy_neighbor: (culprits, window) =>
    `behind ${named(culprits, window, 'neighbors')}, beyond ${culprits.length === 1 ? 'its' : 'their'} share`,
  quota_throttled: ([main]) => `throttled by the CPU limit of ${main?.culprit.name ?? 'an unknown cgroup'}`,
  self_contention: () => 'behind threads of its own',
  sibling_contention: (culprits, window) => `behind ${named(culprits, window, siblings)}`,
  system_interference: (culprits, window) => `behind ${named(culprits, window, 'system services')}`,
  kernel_interference: () => 'behind kernel threads',
  irq_interference: () => 'behind interrupts',
  host_steal: () => 'while the hypervisor ran something else',
  placement: () => 'while the CPU was idle: delay of its wake-up or placement',
  overcommitted: () => 'behind neighbors within their share: there is too little CPU for all of them',
};

/** The main culprit with its use of what it requests; without one, the kind of all. */
function named(culprits: readonly Share[], { cpusOf }: Telling['window'], kind: string): string {
  const [main] = culprits;
  if (!main) return kind;
  const request = requestOf(main.culprit.attributes);
  const used = cpusOf(main.culprit.cgroup);
  const notes = [
    kindOf(main.culprit, kind),
    request !== undefined && used !== undefined && `using ${(used / request).toFixed(1)}× its CPU request`,
  ].filter(Boolean);
  const others = culprits.length - 1;
  const note = notes.length > 0 ? ` (${notes.join(', ')})` : '';
  return `${main.culprit.name}${note}${others > 0 ? ` and ${others} more` : ''}`;
}

function kindOf({ attributes }: Culprit, kind: string): string | undefined {
  if (kind === siblings) return 'in the same pod';
  return attributes[culpritAttributes.podUid.key] === undefined
    ? kinds[String(attributes[culpritAttributes.kind.key])]
    : 'another pod';
}

const siblings = 'containers of its pod';

const kinds: Readonly<Record<string, string>> = {
  container: 'another container',
  service: 'a system service',
  user: 'a user',
};

function limits({ victim: { causes }, explanation: { verdict } }: Diagnosis): string {
  if (verdict === 'quota_throttled' || verdict === 'undetermined' || causes.get('unknown')) return '';
  return causes.get('throttled') || causes.get('throttled_ancestor') ? '' : '; no CPU limit played a part';
}

function latency({ diagnosis, baseline, window: { windows = 1 } }: Telling): string {
  const { p99 } = diagnosis.victim;
  if (p99 === undefined) return '';
  return `${windows > 1 ? 'Highest p99' : 'p99'} wait ${duration(p99)}${baseline ? ` against a usual ${duration(baseline.p99)}` : ''}. `;
}
