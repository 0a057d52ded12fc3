import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { runBesideEachOther, type Write } from './beside-each-other.ts';
import type { Obstacle } from './kernel-obstacle.ts';
import type { TestFilesOptions, TestFilesResult } from './test-files.ts';

export interface Suite {
  readonly name: string;
  readonly needsKernel: boolean;
  readonly files: Readonly<Record<Neighbors, readonly string[]>>;
}

/**
 * What may run while a file does. `any`: all files but those that run alone. `others`: not a second file of this kind,
 * as one agent runs on a machine. `none`: it compares times of this machine's scheduler.
 */
export type Neighbors = 'any' | 'others' | 'none';

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

const unitTests = 'test/{unit,bpf,vm}/**/*.test.ts';

/** The tests of a folder by neighbors, which the subfolder says. */
const subfolders = { any: '{native,unattached}/', others: 'lifecycle/', none: '' } as const;

export function findSuites(root: string): readonly Suite[] {
  const find = (pattern: string, exclude: readonly string[] = []) =>
    globSync(pattern, { cwd: root, exclude: [...exclude] })
      .sort()
      .map((file) => join(root, file));
  const ofKernel = (name: string): Suite => ({
    name,
    needsKernel: true,
    files: {
      any: find(`test/${name}/${subfolders.any}*.test.ts`),
      others: find(`test/${name}/${subfolders.others}*.test.ts`),
      none: find(`test/${name}/${subfolders.none}*.test.ts`),
    },
  });
  return [
    {
      name: 'unit',
      needsKernel: false,
      files: { any: find(unitTests, ['test/vm/guest/**']), others: [], none: [] },
    },
    ofKernel('kernel'),
    ofKernel('e2e'),
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
    const instead = insteadOf(suite, runner);
    if (instead) parts.push(instead);
    else runnable.push(suite);
  }
  parts.push(...(await run(runnable, runner)));
  return {
    results: parts.flatMap(({ results }) => results),
    skips: parts.flatMap(({ skips }) => skips),
    failures: parts.flatMap(({ failures }) => failures),
  };
}

/** Why a suite does not run. */
function insteadOf(
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

/** First what may run beside each other, then what runs alone. */
async function run(suites: readonly Suite[], runner: Runner): Promise<readonly Summary[]> {
  const results = new Map<Suite, PartResult[]>(suites.map((suite) => [suite, []]));
  const runWith = (neighbors: Neighbors) => async (write: Write) => {
    for (const [suite, parts] of results)
      if (suite.files[neighbors].length > 0)
        parts.push(await runPart(suite, neighbors, { ...runner, write }));
  };
  await runBesideEachOther([runWith('any'), runWith('others')], runner.write);
  await runWith('none')(runner.write);
  return [...results].map(([suite, parts]) => summarize(suite, parts, runner));
}

const descriptions: Readonly<Record<Neighbors, string>> = {
  any: 'beside each other',
  others: 'one after the other',
  none: 'alone',
};

async function runPart(
  { name, files }: Suite,
  neighbors: Neighbors,
  { root, testLimit, idleLimit, write, run }: Runner,
): Promise<PartResult> {
  write(`\n${name} tests, ${descriptions[neighbors]}\n`);
  const begin = performance.now();
  const concurrency = neighbors === 'any' ? availableParallelism() : 1;
  const result = await run(files[neighbors], { cwd: root, concurrency, testLimit, idleLimit, write });
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
