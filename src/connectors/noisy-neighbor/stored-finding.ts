import type { Attributes } from '@opentelemetry/api';
import { type Cause, causes } from '../../telemetry/attributes/wait.ts';
import { resource } from '../../telemetry/metrics/build.ts';
import type { UnixNanoseconds } from '../../telemetry/units.ts';
import { type Blame, blameColumns, type Culprit, culpritIn, indexOfCause } from './blame.ts';
import type { Doubt } from './confidence.ts';
import type { Severity, SeverityRule } from './config.ts';
import type { OpenFinding } from './findings.ts';
import type { Held } from './sustained.ts';
import { culpritsOf, type Explanation } from './verdict.ts';
import type { Verdict } from './verdicts.ts';
import type { Observation } from './window.ts';

type StoredHeld = readonly [windows: number, since: number | null];
type StoredBlame = readonly [culprit: number | null, Cause, time: number, excess: number];
type ByCause = readonly (readonly [Cause, number])[];

/** An active finding as JSON can hold it. Of the blame it has what its culprits took, and the sums of the rest: all that is told of it later. */
export interface StoredFinding {
  readonly id: string;
  readonly incident: string;
  readonly isLeading: boolean;
  readonly severity: Severity;
  readonly since: string;
  readonly reported: string;
  /** The end of the last window: the time from there to the next one does not count for the rules. */
  readonly seen: string;
  /** Rules of `severities` with their settings: of those that are still configured, what held goes on. */
  readonly rules: readonly (readonly [SeverityRule, StoredHeld])[];
  readonly remains: StoredHeld;
  readonly victim: Pick<Observation, 'key' | 'name' | 'run' | 'wait' | 'waits'> & {
    readonly attributes: Attributes;
    readonly p99?: number;
    readonly causes: ByCause;
    readonly entitled: ByCause;
    readonly preemptions: ByCause;
  };
  readonly culprits: readonly Culprit[];
  /** By index of `culprits`; null: of all others together. */
  readonly blame: readonly StoredBlame[];
  readonly verdict: Verdict;
  readonly time: number;
  readonly score: number;
  /** Of the main culprit, the first one. */
  readonly mainTime: number;
  readonly others: readonly (readonly [Verdict, time: number, score: number])[];
  readonly confidence: number;
  readonly knowledge: number;
  readonly loweredBy: readonly (readonly [Doubt, number])[];
}

export function storedFinding({ id, incident, isLeading, active, ...of }: OpenFinding): StoredFinding {
  const { victim, explanation, confidence, others } = of.diagnosis;
  const culprits = culpritsOf(victim, explanation).map(({ culprit }) => culprit);
  const indexOf = new Map(culprits.map(({ cgroup }, index) => [cgroup, index]));
  return {
    ...{ id, incident, isLeading, severity: active.severity },
    ...{ since: String(active.since), reported: String(active.reported) },
    ...{ seen: String(of.seen), remains: storedHeld(of.remains) },
    rules: of.rules.map(({ rule, held }) => [rule, storedHeld(held)]),
    victim: {
      ...{ key: victim.key, name: victim.name, attributes: victim.resource.attributes },
      ...{ run: victim.run, wait: victim.wait, waits: victim.waits },
      ...(victim.p99 !== undefined && { p99: victim.p99 }),
      ...{ causes: [...victim.causes], entitled: [...victim.entitled], preemptions: [...victim.preemptions] },
    },
    culprits,
    blame: storedBlame(victim.blame, indexOf),
    ...{ verdict: explanation.verdict, time: explanation.time, score: explanation.score },
    mainTime: explanation.main?.time ?? 0,
    others: others.map(({ verdict, time, score }) => [verdict, time, score] as const),
    ...{ confidence: confidence.value, knowledge: confidence.knowledge, loweredBy: confidence.loweredBy },
  };
}

export function openFinding(of: StoredFinding): OpenFinding {
  const { attributes, p99, ...victim } = of.victim;
  const [main] = of.culprits;
  const explanation = (verdict: Verdict, time: number, score: number): Explanation => ({
    ...{ verdict, time, score, main: undefined },
  });
  return {
    ...{ id: of.id, incident: of.incident, isLeading: of.isLeading },
    active: {
      ...{ severity: of.severity, since: unixNanoseconds(of.since), reported: unixNanoseconds(of.reported) },
    },
    ...{ seen: unixNanoseconds(of.seen), remains: held(of.remains) },
    rules: of.rules.map(([rule, of]) => ({ rule, held: held(of) })),
    diagnosis: {
      victim: {
        ...victim,
        ...{ resource: resource(attributes), p99 },
        ...{ causes: new Map(victim.causes), entitled: new Map(victim.entitled) },
        preemptions: new Map(victim.preemptions),
        blame: restoredBlame(of),
      },
      explanation: {
        ...explanation(of.verdict, of.time, of.score),
        main: main && { culprit: main, time: of.mainTime },
      },
      confidence: { value: of.confidence, knowledge: of.knowledge, loweredBy: of.loweredBy },
      others: of.others.map((other) => explanation(...other)),
    },
  };
}

function storedBlame(blame: Blame, indexOf: ReadonlyMap<string, number>): readonly StoredBlame[] {
  const named: StoredBlame[] = [];
  const others = new Map<Cause, StoredBlame>();
  for (const { culprit, cause, time, excess } of rowsOf(blame)) {
    const index = culprit && indexOf.get(culprit.cgroup);
    if (index !== undefined) named.push([index, cause, time, excess]);
    else {
      const [, , otherTime, otherExcess] = others.get(cause) ?? [null, cause, 0, 0];
      others.set(cause, [null, cause, otherTime + time, otherExcess + excess]);
    }
  }
  return [...named, ...others.values()];
}

function rowsOf({ rows, begin, end }: Blame) {
  return Array.from({ length: end - begin }, (_, n) => ({
    culprit: culpritIn(rows, begin + n),
    cause: causes[rows.cause[begin + n] ?? 0] ?? 'unknown',
    time: rows.time[begin + n] ?? 0,
    excess: rows.excess[begin + n] ?? 0,
  }));
}

function restoredBlame({ blame, culprits }: StoredFinding): Blame {
  const columns = blameColumns(blame.length);
  for (const [row, [culprit, cause, time, excess]] of blame.entries()) {
    columns.culprit[row] = culprit === null ? 0 : culprit + 1;
    columns.cause[row] = indexOfCause(cause);
    columns.time[row] = time;
    columns.excess[row] = excess;
  }
  return { rows: { ...columns, culprits: [undefined, ...culprits] }, begin: 0, end: blame.length };
}

const storedHeld = ({ windows, since }: Held): StoredHeld => [windows, since ?? null];
const held = ([windows, since]: StoredHeld): Held => ({ windows, since: since ?? undefined });
const unixNanoseconds = (text: string) => BigInt(text) as UnixNanoseconds;
