import type { Resource } from '@opentelemetry/resources';
import { type Cause, causes } from '../../telemetry/attributes/wait.ts';
import { type Blame, type BlameRows, type Culprit, indexOfCause } from './blame.ts';
import type { Diagnosis } from './diagnose.ts';
import { pack, renumber, rowsOf, startRows } from './kept-blame.ts';
import { type Verdict, verdicts } from './verdicts.ts';
import type { Observation } from './window.ts';

/** What is kept of the workloads of a window, or of several: columns, whose cost for the collector does not grow with them. */
export interface Kept {
  /** A row for each. */
  readonly workloads: readonly Workload[];
  /** A row of seconds and counts, by the `at` of each. */
  readonly figures: Float64Array;
  /** Culprits of the worst windows, as those of the blame; 0: none. */
  readonly worst: Uint32Array;
  readonly blame: BlameRows;
  /** Where the blame of each workload begins, and where that of the last one ends. */
  readonly begins: Uint32Array;
}

/** As it was in its newest window. */
export interface Workload {
  /** The same in all windows. */
  readonly key: string;
  name: string;
  resource: Resource;
  /** Of that window, ms. */
  end: number;
}

/** The window in which a workload lost most to a verdict. */
export interface Worst {
  readonly end: number;
  readonly seconds: number;
  /** Of its runnable time, what it lost to the verdict. */
  readonly share: number;
  readonly verdict: Verdict;
  readonly culprit: string | undefined;
}

/** Columns of the figures; first those that several windows add up. */
export const at = {
  windows: 0,
  /** Windows with a verdict. */
  affected: 1,
  run: 2,
  wait: 3,
  waits: 4,
  entitled: 5,
  /** Of the windows in which it was there. */
  seconds: 6,
  causes: 7,
  preemptions: 7 + causes.length,
  /** Highest of the windows; NaN: nothing waited. */
  p99: 7 + 2 * causes.length,
  /** NaN: there is no worst window. */
  worstShare: 8 + 2 * causes.length,
  worstEnd: 9 + 2 * causes.length,
  worstSeconds: 10 + 2 * causes.length,
  worstVerdict: 11 + 2 * causes.length,
} as const;
export const width = at.worstVerdict + 1;

export const figure = ({ figures }: Kept, row: number, of: number): number => figures[row * width + of] ?? 0;

export interface Judged {
  readonly victim: Observation;
  readonly diagnoses: readonly Diagnosis[];
}

export interface Keeping {
  /** Of the window. */
  readonly seconds: number;
  readonly end: number;
  /** The one that stands for the victim in all spans. */
  workloadOf(victim: Observation): Workload;
  /** The same of a culprit. */
  shared(culprit: Culprit): Culprit;
}

export function keep(judged: readonly Judged[], { seconds, end, workloadOf, shared }: Keeping): Kept {
  const columns = keptColumns(judged.length);
  const { figures, worst, begins } = columns;
  const blame = startRows(judged.reduce((sum, { victim }) => sum + victim.blame.end - victim.blame.begin, 0));
  const workloads = judged.map(({ victim, diagnoses }, row) => {
    const from = row * width;
    figures[from + at.windows] = 1;
    figures[from + at.run] = victim.run;
    figures[from + at.wait] = victim.wait;
    figures[from + at.waits] = victim.waits;
    figures[from + at.entitled] = victim.entitled.get('neighbor') ?? 0;
    figures[from + at.seconds] = seconds;
    for (const [cause, time] of victim.causes) figures[from + at.causes + indexOfCause(cause)] = time;
    for (const [cause, count] of victim.preemptions)
      figures[from + at.preemptions + indexOfCause(cause)] = count;
    if (victim.p99 !== undefined) figures[from + at.p99] = victim.p99;
    const [main] = diagnoses;
    if (main) {
      const { verdict, time, main: share } = main.explanation;
      figures[from + at.affected] = 1;
      figures[from + at.worstEnd] = end;
      figures[from + at.worstSeconds] = seconds;
      figures[from + at.worstShare] = time / (victim.run + victim.wait);
      figures[from + at.worstVerdict] = verdicts.indexOf(verdict);
      worst[row] = share ? indexIn(victim, share.culprit) : 0;
    }
    pack(victim.blame, victim.wait, blame);
    begins[row + 1] = blame.count;
    return workloadOf(victim);
  });
  const rows = rowsOf(blame);
  const culprits = judged[0]?.victim.blame.rows.culprits ?? [];
  const left = renumber(culprits, [rows.culprit, worst]).map((culprit) => culprit && shared(culprit));
  return { ...columns, workloads, blame: { ...rows, culprits: left } };
}

function indexIn({ blame: { rows, begin, end } }: Observation, culprit: Culprit): number {
  for (let row = begin; row < end; row++) {
    const index = rows.culprit[row] ?? 0;
    if (rows.culprits[index] === culprit) return index;
  }
  return 0;
}

/** Of workloads that were in no window yet. */
export function keptColumns(workloads: number): Pick<Kept, 'figures' | 'worst' | 'begins'> {
  const figures = new Float64Array(workloads * width);
  for (let row = 0; row < workloads; row++)
    figures[row * width + at.p99] = figures[row * width + at.worstShare] = Number.NaN;
  return { figures, worst: new Uint32Array(workloads), begins: new Uint32Array(workloads + 1) };
}

export const blameOf = ({ blame, begins }: Kept, row: number): Blame => ({
  rows: blame,
  begin: begins[row] ?? 0,
  end: begins[row + 1] ?? 0,
});

/** One workload of a span, without the others. */
export function alone({ workloads, figures, worst, begins, blame }: Kept, row: number): Kept {
  return {
    ...{ workloads: workloads.slice(row, row + 1), worst: worst.subarray(row, row + 1) },
    figures: figures.subarray(row * width, (row + 1) * width),
    ...{ begins: begins.subarray(row, row + 2), blame },
  };
}

export function worstOf(kept: Kept, row: number): Worst | undefined {
  const share = figure(kept, row, at.worstShare);
  if (Number.isNaN(share)) return undefined;
  return {
    ...{ end: figure(kept, row, at.worstEnd), seconds: figure(kept, row, at.worstSeconds), share },
    verdict: verdicts[figure(kept, row, at.worstVerdict)] ?? 'undetermined',
    culprit: kept.blame.culprits[kept.worst[row] ?? 0]?.name,
  };
}

export function observationOf(kept: Kept, row: number): Observation | undefined {
  const workload = kept.workloads[row];
  if (!workload) return undefined;
  const { key, name, resource } = workload;
  const of = (at: number) => figure(kept, row, at);
  const byCause = (from: number) =>
    new Map(
      causes.flatMap((cause, index) => (of(from + index) > 0 ? [[cause, of(from + index)] as const] : [])),
    );
  const [p99, entitled] = [of(at.p99), of(at.entitled)];
  return {
    ...{ key, name, resource, run: of(at.run), wait: of(at.wait), waits: of(at.waits) },
    p99: Number.isNaN(p99) ? undefined : p99,
    causes: byCause(at.causes),
    entitled: new Map<Cause, number>(entitled > 0 ? [['neighbor', entitled]] : []),
    blame: blameOf(kept, row),
    preemptions: byCause(at.preemptions),
  };
}
