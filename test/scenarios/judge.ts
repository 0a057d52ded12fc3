import type { Expected, Label, Reported } from './scenario.ts';

/** What is right and wrong about the findings of a scenario. */
export interface Judgement {
  /** One for each labelled victim, the scenario's own first. */
  readonly rows: readonly Row[];
  /** Findings that name a culprit, by whether it is one. */
  readonly namedRight: number;
  readonly namedWrong: number;
  /** None: all is right. */
  readonly problems: readonly string[];
}

/** The verdict about a victim beside its label. */
export interface Row {
  readonly victim: string;
  readonly labelled: string;
  readonly culprit: string | undefined;
  /** The main one: it explains the largest part of the wait; `none`: nothing was found. */
  readonly reported: string;
  readonly reportedCulprit: string | undefined;
  /** From the window in which the load began to that of the finding; undefined: there is none, or no onset. */
  readonly windows: number | undefined;
}

export interface Course {
  /** About the scenario's own cgroups. */
  readonly reported: readonly Reported[];
  /** Ends of the windows, ns since 1970, in order. */
  readonly windows: readonly bigint[];
  /** When the last load ran first without which the finding would not be, ns since 1970. */
  onsetOf(expected: Expected): bigint;
}

/** A finding comes so many windows after that in which its cause began, at most. */
export const mostWindows = 2;

export const nothing = 'none';

export function judge(label: Label, course: Course): Judgement {
  const begun = course.reported.filter(({ state }) => state === 'begin');
  const allowed = [...label.found, ...(label.tolerated ?? [])];
  const rows = [
    ...label.found.map((expected) => rowOf(expected, begun, course)),
    ...(label.quiet ?? []).map(({ path }) => ({
      ...{ victim: path, labelled: nothing, culprit: undefined, windows: undefined },
      ...mainOf(path, begun),
    })),
  ];
  const isAllowed = (finding: Reported) => allowed.some((expected) => isSame(expected, finding));
  const named = begun.filter(({ culprit }) => culprit !== undefined);
  return {
    rows,
    namedRight: named.filter(isAllowed).length,
    namedWrong: named.filter((finding) => !isAllowed(finding)).length,
    problems: [
      ...label.found.flatMap((expected, index) => problemsOf(expected, rows[index], course.reported)),
      ...begun.filter((finding) => !isAllowed(finding)).map((finding) => `not expected: ${brief(finding)}`),
      ...(label.ended ?? []).flatMap((expected, index, all) => {
        const ends = course.reported.filter(
          (finding) => finding.state === 'end' && isSame(expected, finding),
        ).length;
        const due = all.slice(0, index + 1).filter((other) => other === expected).length;
        return ends < due ? [`has not ended: ${briefOf(expected)}`] : [];
      }),
    ],
  };
}

function rowOf(expected: Expected, begun: readonly Reported[], course: Course): Row {
  const found = begun.find((finding) => isSame(expected, finding));
  const isTimed = found && !expected.isGradual;
  return {
    ...{ victim: expected.victim.path, labelled: expected.verdict, culprit: expected.culprit?.path },
    ...(found ? mainBeside(found) : mainOf(expected.victim.path, begun)),
    windows: isTimed ? windowAt(course, found.time) - windowAt(course, course.onsetOf(expected)) : undefined,
  };
}

/** In the window of a finding. */
function mainBeside({ verdict, share, culprit, others }: Reported) {
  const larger = others.filter((other) => other.share > share).sort((a, b) => b.share - a.share)[0];
  return larger
    ? { reported: larger.verdict, reportedCulprit: undefined }
    : { reported: verdict, reportedCulprit: culprit };
}

/** Of all findings about a victim. */
function mainOf(victim: string, begun: readonly Reported[]) {
  const [main] = begun.filter((finding) => finding.victim === victim).sort((a, b) => b.share - a.share);
  return { reported: main?.verdict ?? nothing, reportedCulprit: main?.culprit };
}

function problemsOf(
  expected: Expected,
  row: Row | undefined,
  reported: readonly Reported[],
): readonly string[] {
  const own = reported.filter((finding) => isSame(expected, finding));
  const found = own.find(({ state }) => state === 'begin');
  if (!found || !row) return [`not found: ${briefOf(expected)}`];
  const problems: string[] = [];
  if (row.reported !== found.verdict)
    problems.push(`${row.reported} is said to be more than ${briefOf(expected)}`);
  if (row.windows !== undefined && row.windows > mostWindows)
    problems.push(`${row.windows} windows until ${briefOf(expected)}`);
  const trend = own.findLast(({ state }) => state === 'end')?.trend;
  if (expected.trend !== undefined && trend !== expected.trend)
    problems.push(`${trend ?? 'no'} trend at its end, not ${expected.trend}, of ${briefOf(expected)}`);
  return problems;
}

/** Index of the window that contains the time. */
function windowAt({ windows }: Course, time: bigint): number {
  const index = windows.findIndex((end) => end >= time);
  if (index < 0) throw new Error(`cannot place ${time}: no window ends after it`);
  return index;
}

const isSame = ({ victim, verdict, orVerdict, culprit }: Expected, finding: Reported) =>
  victim.path === finding.victim &&
  (verdict === finding.verdict || orVerdict === finding.verdict) &&
  culprit?.path === finding.culprit;

const brief = ({ victim, verdict, culprit }: Pick<Reported, 'victim' | 'verdict' | 'culprit'>) =>
  `${victim} ${verdict} ${culprit ?? '-'}`;
const briefOf = ({ victim, verdict, culprit }: Expected) =>
  brief({ victim: victim.path, verdict, culprit: culprit?.path });
