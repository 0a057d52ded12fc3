import { type Cause, causes } from '../../telemetry/attributes/wait.ts';
import type { Diagnosis } from './diagnose.ts';
import type { Blame, Culprit, Observation } from './window.ts';

/** What is kept of a workload in a span of time. */
export interface Kept {
  windows: number;
  /** Windows with a verdict. */
  affected: number;
  worst: Worst | undefined;
  /** Highest of the windows. */
  p99: number | undefined;
  /** Seconds and counts, by the `at` of each. */
  readonly figures: number[];
  /** The culprit of each part of the blame, … */
  culprits: readonly (Culprit | undefined)[];
  /** … and of each its cause, time and excess. */
  blame: readonly number[];
}

/** The window in which a workload lost most to a verdict. */
export interface Worst {
  readonly end: number;
  readonly seconds: number;
  /** Of the runnable time. */
  readonly share: number;
  readonly verdict: string;
  readonly culprit: string | undefined;
}

export const at = {
  run: 0,
  wait: 1,
  waits: 2,
  entitled: 3,
  causes: 4,
  preemptions: 4 + causes.length,
} as const;
const figureCount = 4 + 2 * causes.length;
const indexOf = new Map<Cause, number>(causes.map((cause, index) => [cause, index]));

/** Parts of the blame of a workload in a span that keep their culprit: those above a hundredth of its wait, … */
const leastPart = 0.01;
/** … the longest so many. */
const mostParts = 8;

/** `shared`: the object that stands for a culprit in all spans. */
export function keep(
  of: Observation,
  { worst, shared }: { readonly worst: Worst | undefined; shared(culprit: Culprit): Culprit },
): Kept {
  const figures = new Array<number>(figureCount).fill(0);
  figures[at.run] = of.run;
  figures[at.wait] = of.wait;
  figures[at.waits] = of.waits;
  figures[at.entitled] = of.entitled.get('neighbor') ?? 0;
  for (const [cause, index] of indexOf) {
    figures[at.causes + index] = of.causes.get(cause) ?? 0;
    figures[at.preemptions + index] = of.preemptions.get(cause) ?? 0;
  }
  const blame = of.blame.map((part) => ({ ...part, culprit: part.culprit && shared(part.culprit) }));
  return {
    ...{ windows: 1, affected: worst ? 1 : 0, worst, p99: of.p99, figures },
    ...packed(blame, of.wait),
  };
}

export function worstOf(
  { run, wait }: Observation,
  [main]: readonly Diagnosis[],
  window: Pick<Worst, 'end' | 'seconds'>,
): Worst | undefined {
  if (!main) return undefined;
  const { verdict, culprits } = main.explanation;
  return { ...window, share: wait / (run + wait), verdict, culprit: culprits[0]?.culprit.name };
}

/** The longest parts with their culprits; what the others took stays in the sum of its cause. */
function packed(blame: readonly Blame[], wait: number): Pick<Kept, 'culprits' | 'blame'> {
  const least = leastPart * wait;
  const sorted = blame.toSorted((a, b) => b.time - a.time);
  const named = sorted.filter(({ culprit, time }) => culprit && time > least).slice(0, mostParts);
  const others = new Map<Cause, { time: number; excess: number }>();
  for (const part of sorted) {
    if (named.includes(part)) continue;
    const sum = others.get(part.cause) ?? { time: 0, excess: 0 };
    others.set(part.cause, { time: sum.time + part.time, excess: sum.excess + part.excess });
  }
  const parts = [
    ...named,
    ...[...others].map(([cause, sum]): Blame => ({ cause, culprit: undefined, ...sum })),
  ];
  const figures = new Array<number>(3 * parts.length); // flatMap would reserve half as much again
  for (const [index, { cause, time, excess }] of parts.entries()) {
    figures[3 * index] = indexOf.get(cause) ?? 0;
    figures[3 * index + 1] = time;
    figures[3 * index + 2] = excess;
  }
  return { culprits: parts.map(({ culprit }) => culprit), blame: figures };
}

const blameOf = ({ culprits, blame }: Pick<Kept, 'culprits' | 'blame'>): readonly Blame[] =>
  culprits.map((culprit, index) => ({
    cause: causes[blame[3 * index] ?? 0] ?? 'unknown',
    ...{ culprit, time: blame[3 * index + 1] ?? 0, excess: blame[3 * index + 2] ?? 0 },
  }));

export function merged(a: Kept, b: Kept): Kept {
  const figures = a.figures.map((figure, index) => figure + (b.figures[index] ?? 0));
  const blame = [...blameOf(a)];
  for (const part of blameOf(b)) {
    const index = blame.findIndex(
      ({ cause, culprit }) => cause === part.cause && culprit?.cgroup === part.culprit?.cgroup,
    );
    const sum = blame[index];
    if (!sum) blame.push(part);
    else blame[index] = { ...part, time: part.time + sum.time, excess: part.excess + sum.excess };
  }
  return {
    windows: a.windows + b.windows,
    affected: a.affected + b.affected,
    worst: worse(a.worst, b.worst),
    p99: a.p99 === undefined ? b.p99 : Math.max(a.p99, b.p99 ?? 0),
    figures,
    ...packed(blame, figures[at.wait] ?? 0),
  };
}

const worse = (a: Worst | undefined, b: Worst | undefined) =>
  a && b ? (b.share > a.share ? b : a) : (a ?? b);

export function observationOf(kept: Kept, of: Pick<Observation, 'key' | 'name' | 'resource'>): Observation {
  const { figures, p99 } = kept;
  const byCause = (from: number) =>
    new Map(
      causes.flatMap((cause, index) => {
        const value = figures[from + index] ?? 0;
        return value > 0 ? [[cause, value] as const] : [];
      }),
    );
  const entitled = figures[at.entitled] ?? 0;
  return {
    ...{ ...of, run: figures[at.run] ?? 0, wait: figures[at.wait] ?? 0, waits: figures[at.waits] ?? 0, p99 },
    causes: byCause(at.causes),
    entitled: new Map(entitled > 0 ? [['neighbor', entitled] as const] : []),
    blame: blameOf(kept),
    preemptions: byCause(at.preemptions),
  };
}
