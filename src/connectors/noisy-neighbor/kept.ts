import { type Cause, causes } from '../../telemetry/attributes/wait.ts';
import type { Blame, Culprit } from './blame.ts';
import type { Diagnosis } from './diagnose.ts';
import type { Observation } from './window.ts';

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
  /** Of its runnable time, what it lost to the verdict. */
  readonly share: number;
  readonly verdict: string;
  readonly culprit: string | undefined;
}

export const at = {
  run: 0,
  wait: 1,
  waits: 2,
  entitled: 3,
  /** Of the windows in which it was there. */
  seconds: 4,
  causes: 5,
  preemptions: 5 + causes.length,
} as const;
const figureCount = 5 + 2 * causes.length;
const indexOf = new Map<Cause, number>(causes.map((cause, index) => [cause, index]));

/** Parts of the blame of a workload in a window that keep their culprit: those above a hundredth of its wait, … */
const leastPart = 0.01;
/** … the longest so many, of each span. */
const mostParts = 8;

export interface Keeping {
  /** Of the window. */
  readonly seconds: number;
  readonly worst: Worst | undefined;
  /** The object that stands for a culprit in all spans. */
  shared(culprit: Culprit): Culprit;
}

export function keep(of: Observation, { seconds, worst, shared }: Keeping): Kept {
  const figures = new Array<number>(figureCount).fill(0);
  figures[at.run] = of.run;
  figures[at.wait] = of.wait;
  figures[at.waits] = of.waits;
  figures[at.seconds] = seconds;
  figures[at.entitled] = of.entitled.get('neighbor') ?? 0;
  for (const [cause, index] of indexOf) {
    figures[at.causes + index] = of.causes.get(cause) ?? 0;
    figures[at.preemptions + index] = of.preemptions.get(cause) ?? 0;
  }
  const { culprits, blame } = packed(of.blame, of.wait);
  return {
    ...{ windows: 1, affected: worst ? 1 : 0, worst, p99: of.p99, figures, blame },
    culprits: culprits.map((culprit) => culprit && shared(culprit)),
  };
}

export function worstOf(
  { run, wait }: Observation,
  [main]: readonly Diagnosis[],
  window: Pick<Worst, 'end' | 'seconds'>,
): Worst | undefined {
  if (!main) return undefined;
  const { verdict, time, main: culprit } = main.explanation;
  return { ...window, share: time / (run + wait), verdict, culprit: culprit?.culprit.name };
}

type Packed = Pick<Kept, 'culprits' | 'blame'>;

/** The longest parts with their culprits; what the others took stays in the sum of its cause. */
function packed({ cause, culprit, time, excess }: Blame, wait: number): Packed {
  const least = leastPart * wait;
  const named: number[] = [];
  for (let row = 0; row < time.length; row++) if (culprit[row] && (time[row] ?? 0) > least) named.push(row);
  if (named.length > mostParts) {
    named.sort((a, b) => (time[b] ?? 0) - (time[a] ?? 0));
    named.length = mostParts;
  }
  const blame: number[] = [];
  for (const row of named)
    blame.push(indexOf.get(cause[row] ?? 'unknown') ?? 0, time[row] ?? 0, excess[row] ?? 0);
  const others = new Map<Cause, number>();
  for (const [row, of] of cause.entries()) {
    if (named.includes(row)) continue;
    const begin = others.get(of) ?? blame.push(indexOf.get(of) ?? 0, 0, 0) - 3;
    others.set(of, begin);
    blame[begin + 1] = (blame[begin + 1] ?? 0) + (time[row] ?? 0);
    blame[begin + 2] = (blame[begin + 2] ?? 0) + (excess[row] ?? 0);
  }
  return {
    culprits: [...named.map((row) => culprit[row]), ...Array.from(others, () => undefined)],
    blame: blame.slice(), // push reserves half as much again
  };
}

function blameOf({ culprits, blame }: Packed): Blame {
  const column = (of: number) => culprits.map((_, row) => blame[3 * row + of] ?? 0);
  return {
    cause: column(0).map((index) => causes[index] ?? 'unknown'),
    ...{ culprit: culprits, time: column(1), excess: column(2) },
  };
}

/** Of two spans, a row for each culprit and cause, as `packed` has them. */
function sumOfBlame(a: Packed, b: Packed): Packed {
  const [culprits, blame] = [[...a.culprits], [...a.blame]];
  for (const [from, culprit] of b.culprits.entries()) {
    let into = 0;
    while (into < a.culprits.length && !isSameRow(into, from)) into++;
    if (into === a.culprits.length) into = culprits.push(culprit) - 1;
    culprits[into] = culprit;
    blame[3 * into] = b.blame[3 * from] ?? 0;
    for (const column of [3 * into + 1, 3 * into + 2])
      blame[column] = (blame[column] ?? 0) + (b.blame[column + 3 * (from - into)] ?? 0);
  }
  return { culprits, blame };

  function isSameRow(into: number, from: number): boolean {
    return a.blame[3 * into] === b.blame[3 * from] && a.culprits[into]?.cgroup === b.culprits[from]?.cgroup;
  }
}

export function merged(a: Kept, b: Kept): Kept {
  const figures = a.figures.map((figure, index) => figure + (b.figures[index] ?? 0));
  const sum = sumOfBlame(a, b);
  const named = sum.culprits.reduce((count, culprit) => (culprit ? count + 1 : count), 0);
  return {
    windows: a.windows + b.windows,
    affected: a.affected + b.affected,
    worst: worse(a.worst, b.worst),
    p99: a.p99 === undefined ? b.p99 : Math.max(a.p99, b.p99 ?? 0),
    figures,
    ...(named <= mostParts ? sum : packed(blameOf(sum), figures[at.wait] ?? 0)),
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
