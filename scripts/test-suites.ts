import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { runBesideEachOther, type Write } from './beside-each-other.ts';
import type { Obstacle } from './kernel-obstacle.ts';
import type { TestFilesOptions, TestFilesResult } from './test-files.ts';

export interface Suite {
  readonly name: string;
  readonly needsKernel: boolean;
  readonly files: Readonly<Record<Mode, readonly string[]>>;
}

/**
 * What runs at the same time as a file. `beside`: any file that does not run alone. `oneByOne`: those, but no second file
 * of this mode; it starts agents or attaches their programs. `alone`: nothing; it compares times of this machine's scheduler.
 */
export type Mode = 'beside' | 'oneByOne' | 'alone';

const headings: Readonly<Record<Mode, string>> = {
  beside: 'beside each other',
  oneByOne: 'one after the other',
  alone: 'alone',
};

/** Lines for the end of a run. */
export interface Summary {
  readonly results: readonly string[];
  readonly skips: readonly string[];
  readonly failures: readonly string[];
}

export interface Runner {
  /** Whether a skip is a failure, as in continuous integration. */
  readonly isStrict: boolean;
  readonly testLimit: number;
  readonly idleLimit: number;
  readonly root: string;
  /** Takes results, for a person. */
  readonly write: Write;
  kernelObstacle(): Obstacle | undefined;
  run(files: readonly string[], options: TestFilesOptions): Promise<TestFilesResult>;
}

const elsewhere = ['kernel', 'vm/guest', 'e2e', 'interop', 'kubernetes', 'scenarios'].map(
  (folder) => `test/${folder}/**`,
);

export function findSuites(root: string): readonly Suite[] {
  const find = (pattern: string, exclude: readonly string[] = []) =>
    globSync(pattern, { cwd: root, exclude: [...exclude] })
      .sort()
      .map((file) => join(root, file));
  const findBySubfolder = (name: string): Suite => ({
    name,
    needsKernel: true,
    files: {
      beside: find(`test/${name}/{native,unattached}/*.test.ts`),
      oneByOne: find(`test/${name}/lifecycle/*.test.ts`),
      alone: find(`test/${name}/*.test.ts`),
    },
  });
  return [
    {
      name: 'unit',
      needsKernel: false,
      files: { beside: find('test/**/*.test.ts', elsewhere), oneByOne: [], alone: [] },
    },
    findBySubfolder('kernel'),
    findBySubfolder('e2e'),
  ];
}

/** Variables that the test files have beside those of the machine. */
export function testEnvironment(root: string, isThorough: boolean): Readonly<Record<string, string>> {
  return {
    // Each file is a process, and the agent is started a hundred times: without it, all types are stripped each time.
    NODE_COMPILE_CACHE: join(root, 'build/compile-cache'),
    ...(isThorough && { EARSHOT_THOROUGH: 'true' }),
  };
}

/** Runs the named suites, or all of them. */
export async function runSuites(
  suites: readonly Suite[],
  names: readonly string[],
  runner: Runner,
): Promise<Summary> {
  const all = suites.map(({ name }) => name);
  const parts: Summary[] = names
    .filter((name) => !all.includes(name))
    .map((name) => failed(`no tests are called ${name}; there are ${all.join(', ')}`));
  const runnable: Suite[] = [];
  for (const suite of suites.filter(({ name }) => names.length === 0 || names.includes(name))) {
    const obstacle = findObstacle(suite, runner);
    if (obstacle) parts.push(obstacle);
    else runnable.push(suite);
  }
  parts.push(...(await runByMode(runnable, runner)));
  return {
    results: parts.flatMap(({ results }) => results),
    skips: parts.flatMap(({ skips }) => skips),
    failures: parts.flatMap(({ failures }) => failures),
  };
}

/** The summary of a suite that does not run. */
function findObstacle(
  { name, files, needsKernel }: Suite,
  { isStrict, kernelObstacle }: Runner,
): Summary | undefined {
  if (Object.values(files).every((some) => some.length === 0))
    return isStrict ? failed(`there are no ${name} tests`) : nothing;
  const obstacle = needsKernel ? kernelObstacle() : undefined;
  if (!obstacle) return undefined;
  const line = `${name} tests cannot run: ${obstacle.reason}`;
  return obstacle.excusable && !isStrict ? { ...nothing, skips: [line] } : failed(line);
}

interface PartResult extends TestFilesResult {
  readonly ms: number;
}

async function runByMode(suites: readonly Suite[], runner: Runner): Promise<readonly Summary[]> {
  const results = new Map<Suite, PartResult[]>(suites.map((suite) => [suite, []]));
  const runAll = (mode: Mode) => async (write: Write) => {
    for (const [suite, parts] of results)
      if (suite.files[mode].length > 0) parts.push(await runPart(suite, mode, { ...runner, write }));
  };
  await runBesideEachOther([runAll('beside'), runAll('oneByOne')], runner.write);
  await runAll('alone')(runner.write);
  return [...results].map(([suite, parts]) => summarize(suite, parts, runner));
}

async function runPart(
  { name, files }: Suite,
  mode: Mode,
  { root, testLimit, idleLimit, write, run }: Runner,
): Promise<PartResult> {
  write(`\n${name} tests, ${headings[mode]}\n`);
  const begin = performance.now();
  const concurrency = mode === 'beside' ? availableParallelism() : 1;
  const result = await run(files[mode], { cwd: root, concurrency, testLimit, idleLimit, write });
  return { ...result, ms: performance.now() - begin };
}

function summarize(
  { name }: Suite,
  parts: readonly PartResult[],
  { root, idleLimit }: Pick<Runner, 'root' | 'idleLimit'>,
): Summary {
  const took = `in ${(parts.reduce((sum, { ms }) => sum + ms, 0) / 1000).toFixed(0)} s`;
  const skips = [...new Set(parts.flatMap((part) => part.skips))];
  const lines = skips.map((reason) => `${name} tests: ${reason}`);
  if (!parts.every(({ hasPassed }) => hasPassed)) {
    const hanging = parts
      .flatMap((part) => part.hanging)
      .map(
        (file) => `${file.replace(`${root}/`, '')} was ended after ${idleLimit / 1000} s without a result`,
      );
    return {
      results: [`${name} tests: failed ${took}`],
      skips: lines,
      failures: [...hanging, `${name} tests failed`],
    };
  }
  const isIncomplete = skips.some((reason) => reason.startsWith('cannot run without'));
  return {
    ...nothing,
    results: [`${name} tests: ${isIncomplete ? 'incomplete' : 'passed'} ${took}`],
    skips: lines,
  };
}

const nothing: Summary = { results: [], skips: [], failures: [] };
const failed = (line: string): Summary => ({ ...nothing, failures: [line] });
