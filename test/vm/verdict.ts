import type { Boot } from './vm.ts';

export const verifierLimit = 50_000;
const allowedGrowth = 0.1;

/** Kernels that cannot do what the scheduler programs need, by what the message says they lack. */
const refusedSeries: Readonly<Record<string, RegExp>> = { '5.10-rt': /ring buffer may sleep.*PREEMPT_RT/ };

/** By kernel series and program, as in `verifier-counts.json`. */
export type VerifierCounts = Readonly<Record<string, Readonly<Record<string, number>>>>;

export interface Verdict {
  readonly series: string;
  readonly version: string;
  readonly seconds: number;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly string[];
  readonly loadMs: number;
  readonly verified: Readonly<Record<string, number>>;
  /** In per cent, by what was compared. */
  readonly errors: ReadonlyMap<string, number>;
  readonly failures: readonly string[];
  readonly notes: readonly string[];
}

/** Twice where a test fails: a machine that is emulated stands still whenever the real one has something else to do. */
export async function judgeAttempts(attempt: () => Promise<Verdict>): Promise<Verdict> {
  const verdict = await attempt();
  if (verdict.failed === 0) return verdict;
  const second = await attempt();
  const first = verdict.failures.map((failure) => `the first of two attempts failed: ${failure}`);
  return { ...second, notes: [...first, ...second.notes] };
}

/** What a machine's records amount to; without `recorded` its verifier's counts are not compared. */
export function judge(
  { series, version }: { readonly series: string; readonly version: string },
  { records, seconds, obstacle }: Boot,
  recorded: VerifierCounts | undefined,
): Verdict {
  const failures: string[] = [];
  const skipped: string[] = [];
  const errors = new Map<string, number>();
  let passed = 0;
  let failed = 0;
  let isRefused = false;
  let load: { readonly loadMs: number; readonly verified: Readonly<Record<string, number>> } | undefined;
  for (const record of records) {
    if (record.kind === 'load') load = record;
    if (record.kind === 'error') failures.push(record.text);
    if (record.kind === 'refused') {
      isRefused = refusedSeries[series]?.test(record.text) ?? false;
      if (isRefused) passed++;
      else failures.push(record.text);
    }
    if (record.kind === 'diagnostic') {
      const match = /^(.+): off by (\S+) %$/.exec(record.text);
      if (match) errors.set(match[1] ?? '', Number(match[2]));
    }
    if (record.kind !== 'test') continue;
    if (record.outcome === 'passed') passed++;
    if (record.outcome === 'failed') {
      failed++;
      failures.push(`${record.name}: ${record.text}`);
    }
    if (record.outcome === 'skipped') {
      skipped.push(`${record.name}: ${record.text}`);
      if (!isTooOld(series, record.text)) failures.push(`${record.name} was skipped: ${record.text}`);
    }
  }
  if (obstacle) failures.push(`the machine was ${obstacle}`);
  else if (records.at(-1)?.kind !== 'end') failures.push('the tests did not end');
  if (passed === 0) failures.push('no test passed');
  if (series in refusedSeries && !isRefused) failures.push('the scheduler programs were not refused');
  const counts = isRefused
    ? { failures: [], notes: [] }
    : judgeCounts(series, load?.verified ?? {}, recorded);
  failures.push(...counts.failures);
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
    failures,
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
