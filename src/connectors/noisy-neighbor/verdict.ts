import type { Cause } from '../../telemetry/attributes/wait.ts';
import { type Blame, type CauseSet, type Culprit, causeSet, culpritIn } from './blame.ts';
import { latencyScore, preemptionScore, type ScoreConfig, shareOf, sumOf, weighted } from './score.ts';
import type { Verdict } from './verdicts.ts';
import type { Observation } from './window.ts';

/** An explanation of a part of a workload's waiting. */
export interface Explanation {
  readonly verdict: Verdict;
  /** Seconds that it explains. */
  readonly time: number;
  /** The culprit of the longest part; undefined: none in particular. `culpritsOf` has all. */
  readonly main: Share | undefined;
  /** 0 to 100: the published formula over this part alone. */
  readonly score: number;
}

export interface Share {
  readonly culprit: Culprit;
  /** Seconds. */
  readonly time: number;
}

/** What a verdict is made of. */
interface Rule extends CauseSet {
  /** Only what culprits took beyond their share. */
  readonly excess?: true;
  /** Without: none is to blame. */
  readonly names?: true;
  /** Whether such contention shows in preemptions. */
  readonly preempts?: true;
}

const rules: Readonly<Record<Exclude<Verdict, 'overcommitted' | 'undetermined'>, Rule>> = {
  noisy_neighbor: { ...causeSet('neighbor'), excess: true, names: true, preempts: true },
  quota_throttled: { ...causeSet('throttled', 'throttled_ancestor'), names: true },
  self_contention: { ...causeSet('self'), preempts: true },
  sibling_contention: { ...causeSet('sibling'), names: true, preempts: true },
  system_interference: { ...causeSet('system'), names: true, preempts: true },
  kernel_interference: { ...causeSet('kernel'), preempts: true },
  irq_interference: causeSet('irq'),
  host_steal: causeSet('steal'),
  placement: causeSet('idle'),
};

export interface VerdictOptions {
  /** Of the window. */
  readonly seconds: number;
  readonly score: ScoreConfig;
  /** Cgroups of which one stays the main culprit while it is about as guilty. */
  readonly named: ReadonlySet<string>;
}

const ruled = Object.keys(rules) as readonly (keyof typeof rules)[]; // its only keys

/** Explanations of the whole wait, the one of the longest part first; those without time are left out. */
export function explain(of: Observation, options: VerdictOptions): readonly Explanation[] {
  const explained: Explanation[] = [];
  for (const verdict of ruled) {
    if (!hasAny(of.causes, rules[verdict].causes)) continue;
    insert(explanationOf(of, verdict, options), explained);
  }
  insert(remainder('overcommitted', of.entitled.get('neighbor') ?? 0), explained);
  insert(remainder('undetermined', (of.causes.get('unknown') ?? 0) + unjudgedTime(of)), explained);
  return explained;

  function remainder(verdict: Verdict, time: number): Explanation | undefined {
    if (time <= roundingError) return undefined;
    return { verdict, time, main: undefined, score: scoreOf(of, time, undefined, options) };
  }
}

/** Less is what is left of subtracting seconds from seconds. */
const roundingError = 1e-9;

/** Behind those that are as long; sorting them all later allocates more than all the rest. */
function insert(explanation: Explanation | undefined, explained: Explanation[]): void {
  if (!explanation || explanation.time <= roundingError) return;
  let at = explained.length;
  for (; at > 0 && (explained[at - 1]?.time ?? 0) < explanation.time; at--)
    explained[at] = explained[at - 1] ?? explanation;
  explained[at] = explanation;
}

function explanationOf(of: Observation, verdict: keyof typeof rules, options: VerdictOptions): Explanation {
  const rule = rules[verdict];
  const whole = sumOf(of.causes, rule.causes);
  const time = rule.excess ? sumOfExcess(of, rule) : whole;
  // of the preemptions for these causes, the part that the explained time is of theirs
  const part = whole > 0 ? time / whole : 0;
  const preemptions = rule.preempts && (part * sumOf(of.preemptions, rule.causes)) / options.seconds;
  return {
    ...{ verdict, time, main: rule.names && mainOf(of, rule, options.named) },
    score: scoreOf(of, time, preemptions, options),
  };
}

/** Seconds behind neighbors of which it is not known whether they took more than their share. */
export function unjudgedTime(of: Observation): number {
  const neighbors = of.causes.get('neighbor') ?? 0;
  if (neighbors === 0) return 0;
  const entitled = of.entitled.get('neighbor') ?? 0;
  return Math.max(0, neighbors - entitled - sumOfExcess(of, rules.noisy_neighbor));
}

function sumOfExcess({ blame: { rows, begin, end } }: Observation, { has }: Rule): number {
  let sum = 0;
  for (let row = begin; row < end; row++) if (has[rows.cause[row] ?? 0]) sum += rows.excess[row] ?? 0;
  return sum;
}

/** Of the main one's time, from which on another one may be the main one. */
const aboutAsGuilty = 0.5;

/** The culprit of the longest part, or the named one that stays it. */
function mainOf({ blame }: Observation, rule: Rule, named: ReadonlySet<string>): Share | undefined {
  const { rows, begin, end } = blame;
  let [longest, longestNamed] = [-1, -1];
  let [time, timeNamed] = [roundingError, roundingError];
  for (let row = begin; row < end; row++) {
    const own = timeIn(row, blame, rule);
    if (own > time) [longest, time] = [row, own];
    if (own > timeNamed && named.has(culpritIn(rows, row)?.cgroup ?? ''))
      [longestNamed, timeNamed] = [row, own];
  }
  const isStaying = longestNamed >= 0 && timeNamed >= aboutAsGuilty * time;
  const culprit = culpritIn(rows, isStaying ? longestNamed : longest);
  return culprit && { culprit, time: isStaying ? timeNamed : time };
}

/** Seconds of the culprit in a row, in all of its rows. */
function timeIn(row: number, { rows, begin, end }: Blame, { causes, has, excess }: Rule): number {
  const { cause, culprit } = rows;
  const one = culprit[row];
  if (!one || !has[cause[row] ?? 0]) return 0;
  const times = excess ? rows.excess : rows.time;
  if (causes.length === 1) return times[row] ?? 0; // of one cause it has one row
  let sum = 0;
  for (let other = begin; other < end; other++)
    if (culprit[other] === one && has[cause[other] ?? 0]) sum += times[other] ?? 0;
  return sum;
}

/** The named culprits of an explanation with their parts of it, the main one first, then the longest. */
export function culpritsOf({ blame }: Observation, { verdict, main }: Explanation): readonly Share[] {
  if (!main || verdict === 'overcommitted' || verdict === 'undetermined') return [];
  const byCgroup = new Map<string, Share>();
  for (let row = blame.begin; row < blame.end; row++) {
    const culprit = culpritIn(blame.rows, row);
    const time = timeIn(row, blame, rules[verdict]);
    if (culprit && time > roundingError) byCgroup.set(culprit.cgroup, { culprit, time });
  }
  byCgroup.delete(main.culprit.cgroup);
  return [main, ...[...byCgroup.values()].sort((a, b) => b.time - a.time)];
}

function hasAny(of: ReadonlyMap<Cause, number>, causes: readonly Cause[]): boolean {
  for (const cause of causes) if (of.has(cause)) return true;
  return false;
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
