import type { Cause } from '../../telemetry/attributes/wait.ts';
import { latencyScore, preemptionScore, type ScoreConfig, shareOf, sumOf, weighted } from './score.ts';
import type { Verdict } from './verdicts.ts';
import type { Blame, Culprit, Observation } from './window.ts';

/** An explanation of a part of a workload's waiting. */
export interface Explanation {
  readonly verdict: Verdict;
  /** Seconds that it explains. */
  readonly time: number;
  /** The named ones with their part of it, the longest first; empty: no culprit in particular. */
  readonly culprits: readonly Share[];
  /** 0 to 100: the published formula over this part alone. */
  readonly score: number;
}

export interface Share {
  readonly culprit: Culprit;
  /** Seconds. */
  readonly time: number;
}

/** What a verdict is made of. */
interface Rule {
  readonly causes: readonly Cause[];
  /** Seconds, of one culprit; absent: all its time. */
  time?(blame: Blame): number;
  /** Without: none is to blame. */
  readonly names?: true;
  /** Whether such contention shows in preemptions. */
  readonly preempts?: true;
}

const rules: Readonly<Record<Exclude<Verdict, 'overcommitted' | 'undetermined'>, Rule>> = {
  noisy_neighbor: { causes: ['neighbor'], time: ({ excess }) => excess, names: true, preempts: true },
  quota_throttled: { causes: ['throttled', 'throttled_ancestor'], names: true },
  self_contention: { causes: ['self'], preempts: true },
  sibling_contention: { causes: ['sibling'], names: true, preempts: true },
  system_interference: { causes: ['system'], names: true, preempts: true },
  kernel_interference: { causes: ['kernel'], preempts: true },
  irq_interference: { causes: ['irq'] },
  host_steal: { causes: ['steal'] },
  placement: { causes: ['idle'] },
};

export interface VerdictOptions {
  /** Of the window. */
  readonly seconds: number;
  readonly score: ScoreConfig;
}

/** Explanations of the whole wait, the one of the longest part first; those without time are left out. */
export function explain(of: Observation, options: VerdictOptions): readonly Explanation[] {
  const byCause = Map.groupBy(of.blame, ({ cause }) => cause);
  const explained = (Object.keys(rules) as (keyof typeof rules)[]) // its only keys
    .filter((verdict) => rules[verdict].causes.some((cause) => of.causes.has(cause)))
    .map((verdict) => explanationOf({ of, byCause }, verdict, options));
  const entitled = of.entitled.get('neighbor') ?? 0;
  const excess = explained.find(({ verdict }) => verdict === 'noisy_neighbor')?.time ?? 0;
  const unknown = (of.causes.get('unknown') ?? 0) + (of.causes.get('neighbor') ?? 0) - entitled - excess;
  const all: readonly Explanation[] = [
    ...explained,
    {
      verdict: 'overcommitted',
      time: entitled,
      culprits: [],
      score: scoreOf(of, entitled, undefined, options),
    },
    { verdict: 'undetermined', time: unknown, culprits: [], score: scoreOf(of, unknown, undefined, options) },
  ];
  return all.filter(({ time }) => time > roundingError).sort((a, b) => b.time - a.time);
}

/** Less is what is left of subtracting seconds from seconds. */
const roundingError = 1e-9;

interface Waiting {
  readonly of: Observation;
  readonly byCause: ReadonlyMap<Cause, readonly Blame[]>;
}

function explanationOf(
  { of, byCause }: Waiting,
  verdict: keyof typeof rules,
  options: VerdictOptions,
): Explanation {
  const rule = rules[verdict];
  const timeOf = rule.time ?? (({ time }: Blame) => time);
  const blame = rule.names ? rule.causes.flatMap((cause) => byCause.get(cause) ?? []) : [];
  const time = rule.time ? blame.reduce((sum, part) => sum + timeOf(part), 0) : sumOf(of.causes, rule.causes);
  // of the preemptions for these causes, the part that the explained time is of theirs
  const whole = sumOf(of.causes, rule.causes);
  const part = whole > 0 ? time / whole : 0;
  const preemptions = rule.preempts && (part * sumOf(of.preemptions, rule.causes)) / options.seconds;
  return {
    ...{ verdict, time, culprits: sharesOf(blame, timeOf) },
    score: scoreOf(of, time, preemptions, options),
  };
}

/** A culprit of two causes, as a quota of the workload's own and above it, is one. */
function sharesOf(blame: readonly Blame[], timeOf: (blame: Blame) => number): readonly Share[] {
  const byCgroup = new Map<string, Share>();
  for (const part of blame) {
    const { culprit } = part;
    const time = timeOf(part);
    if (!culprit || time <= roundingError) continue;
    byCgroup.set(culprit.cgroup, { culprit, time: time + (byCgroup.get(culprit.cgroup)?.time ?? 0) });
  }
  return [...byCgroup.values()].sort((a, b) => b.time - a.time);
}

/** Latency counts as far as the part explains the wait; where nothing is preempted, its weight goes to the resource. */
function scoreOf(
  of: Observation,
  time: number,
  preemptionRate: number | undefined,
  { score }: VerdictOptions,
): number {
  const resource = shareOf(of, time);
  return weighted(
    {
      latency: of.wait > 0 ? (latencyScore(of.p99, score) * time) / of.wait : 0,
      preemption: preemptionRate === undefined ? resource : preemptionScore(preemptionRate, score),
      resource,
    },
    score,
  );
}
