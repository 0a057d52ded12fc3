import type { Boot } from './vm.ts';

export const verifierLimit = 50_000;
const allowedGrowth = 0.1;

/** Kernels that cannot do what the scheduler programs need, by what the message says they lack. */
const refusedSeries: Readonly<Record<string, RegExp>> = { '5.10-rt': /ring buffer may sleep.*PREEMPT_RT/ };

/** By kernel series and program, as in `verifier-counts.json`. */
export type VerifierCounts = Readonly<Record<string, Readonly<Record<string, number>>>>;

export interface TestId {
  readonly suite: string;
  readonly name: string;
}

export interface FailedTest extends TestId {
  readonly text: string;
}

export interface Verdict {
  readonly series: string;
  readonly version: string;
  readonly seconds: number;
  readonly passed: readonly TestId[];
  readonly failed: readonly FailedTest[];
  readonly skipped: readonly string[];
  readonly loadMs: number;
  readonly verified: Readonly<Record<string, number>>;
  /** In per cent, by what was compared. */
  readonly errors: ReadonlyMap<string, number>;
  /** Other than failed tests. */
  readonly obstacles: readonly string[];
  readonly notes: readonly string[];
}

/** All that went wrong, for a person. */
export const failuresOf = ({ obstacles, failed }: Verdict): readonly string[] => [
  ...failed.map(describe),
  ...obstacles,
];

const describe = ({ name, text }: FailedTest) => `${name}: ${text}`;

/**
 * Boots once more, for the suites in which tests failed: an emulated machine stands still whenever the real one has
 * something else to do. A test has failed unless it passed one of the two times; `notes` has each failure of those.
 */
export async function judgeAttempts(
  attempt: (suites?: readonly string[]) => Promise<Verdict>,
): Promise<Verdict> {
  const first = await attempt();
  if (first.failed.length === 0) return first;
  const second = await attempt([...new Set(first.failed.map(({ suite }) => suite))]);
  const failed = first.failed.filter((test) => !isIn(second.passed, test));
  const repaired = first.failed.filter((test) => !failed.includes(test));
  const broken = second.failed.filter((test) => isIn(first.passed, test));
  return {
    ...first,
    seconds: first.seconds + second.seconds,
    passed: [...first.passed, ...repaired],
    failed,
    obstacles: [...first.obstacles, ...second.obstacles],
    notes: [
      ...repaired.map((test) => `failed in the first of two attempts: ${describe(test)}`),
      ...broken.map((test) => `failed in the second of two attempts: ${describe(test)}`),
      ...first.notes,
    ],
  };
}

const isIn = (tests: readonly TestId[], { suite, name }: TestId) =>
  tests.some((test) => test.suite === suite && test.name === name);

/** What a machine's records amount to; without `recorded` its verifier's counts are not compared. */
export function judge(
  { series, version }: { readonly series: string; readonly version: string },
  { records, seconds, obstacle }: Boot,
  recorded: VerifierCounts | undefined,
): Verdict {
  const obstacles: string[] = [];
  const failed: FailedTest[] = [];
  const skipped: string[] = [];
  const errors = new Map<string, number>();
  const passed: TestId[] = [];
  let isRefused = false;
  let load: { readonly loadMs: number; readonly verified: Readonly<Record<string, number>> } | undefined;
  for (const record of records) {
    if (record.kind === 'load') load = record;
    if (record.kind === 'error') obstacles.push(record.text);
    if (record.kind === 'refused') {
      isRefused = refusedSeries[series]?.test(record.text) ?? false;
      if (isRefused) passed.push({ suite: '', name: 'the kernel is refused' });
      else obstacles.push(record.text);
    }
    if (record.kind === 'diagnostic') {
      const match = /^(.+): off by (\S+) %$/.exec(record.text);
      if (match) errors.set(match[1] ?? '', Number(match[2]));
    }
    if (record.kind !== 'test') continue;
    if (record.outcome === 'passed') passed.push(record);
    if (record.outcome === 'failed') failed.push(record);
    if (record.outcome === 'skipped') {
      skipped.push(`${record.name}: ${record.text}`);
      if (!isTooOld(series, record.text)) obstacles.push(`${record.name} was skipped: ${record.text}`);
    }
  }
  if (obstacle) obstacles.push(`the machine was ${obstacle}`);
  else if (records.at(-1)?.kind !== 'end') obstacles.push('the tests did not end');
  if (passed.length === 0) obstacles.push('no test passed');
  if (series in refusedSeries && !isRefused) obstacles.push('the scheduler programs were not refused');
  const counts = isRefused
    ? { failures: [], notes: [] }
    : judgeCounts(series, load?.verified ?? {}, recorded);
  obstacles.push(...counts.failures);
  return {
    series,
    version,
    seconds,
    passed,
    failed,
    skipped,
    loadMs: load?.loadMs ?? Number.NaN,
    verified: load?.verified ?? {},
    errors,
    obstacles,
    notes: counts.notes,
  };
}

/** A reason names the kernel from which on it is none: `the kernel has no cpu.stat.local (6.6)`. */
function isTooOld(series: string, reason: string): boolean {
  const needed = /\((\d+\.\d+)\)$/.exec(reason)?.[1];
  if (!needed) return false;
  const [[major = 0, minor = 0], [neededMajor = 0, neededMinor = 0]] = [series, needed].map((version) =>
    version.replace('-rt', '').split('.').map(Number),
  ) as [number[], number[]];
  return major < neededMajor || (major === neededMajor && minor < neededMinor);
}

function judgeCounts(
  series: string,
  verified: Readonly<Record<string, number>>,
  recorded: VerifierCounts | undefined,
): { readonly failures: readonly string[]; readonly notes: readonly string[] } {
  const how = `record it with \`npm run test:vm -- ${series} --record\``;
  const failures: string[] = [];
  const notes: string[] = [];
  if (Object.keys(verified).length === 0) failures.push('the verifier counted nothing');
  const ofSeries = recorded?.[series];
  if (recorded && !ofSeries) notes.push(`no verifier counts are recorded: ${how}`);
  for (const [program, count] of Object.entries(verified)) {
    const before = ofSeries?.[program];
    if (count === 0) failures.push(`the verifier's count of ${program} is not known`);
    if (count > verifierLimit)
      failures.push(`the verifier walks ${count} instructions of ${program}, over ${verifierLimit}`);
    if (before === undefined) {
      if (ofSeries) notes.push(`the verifier's count of ${program} is not recorded: ${how}`);
    } else if (count > before * (1 + allowedGrowth))
      failures.push(
        `the verifier walks ${count} instructions of ${program}, ${before} are recorded: ${how}, and explain it in the commit`,
      );
    else if (count < before * (1 - allowedGrowth))
      notes.push(`the verifier walks only ${count} instructions of ${program}, not ${before}: ${how}`);
  }
  return { failures, notes };
}
