import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Obstacle } from './kernel-obstacle.ts';
import type { TestFilesOptions, TestFilesResult } from './test-files.ts';
import { type Turn, takeTurns } from './turns.ts';

export interface Suite {
  readonly name: string;
  readonly files: readonly string[];
  /** `files` run one after the other: one agent runs on a machine. */
  readonly needsKernel: boolean;
  /** No other suite runs meanwhile: its tests compare times of this machine's scheduler. */
  readonly isAlone?: boolean;
  /** Of a suite that needs the kernel: files that attach nothing to the scheduler, and run beside each other. */
  readonly unattached?: readonly string[];
}

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
  readonly write: (text: string) => void;
  kernelObstacle(): Obstacle | undefined;
  run(files: readonly string[], options: TestFilesOptions): Promise<TestFilesResult>;
}

const unattached = 'test/e2e/unattached/*.test.ts';
const elsewhere = ['test/kernel/**', 'test/vm/guest/**', 'test/e2e/**', 'test/kubernetes/**'];

export function findSuites(root: string): readonly Suite[] {
  const find = (pattern: string, exclude: readonly string[] = []) =>
    globSync(pattern, { cwd: root, exclude: [...exclude] })
      .sort()
      .map((file) => join(root, file));
  return [
    { name: 'unit', files: find('test/**/*.test.ts', elsewhere), needsKernel: false },
    { name: 'kernel', files: find('test/kernel/**/*.test.ts'), needsKernel: true, isAlone: true },
    {
      name: 'e2e',
      files: find('test/e2e/**/*.test.ts', [unattached]),
      needsKernel: true,
      unattached: find(unattached),
    },
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

/** Runs the named suites, or all of them: beside each other first, then those that run alone. */
export async function runSuites(
  suites: readonly Suite[],
  names: readonly string[],
  runner: Runner,
): Promise<Summary> {
  const all = suites.map(({ name }) => name);
  const unknown = names.filter((name) => !all.includes(name));
  const wanted = suites.filter(({ name }) => names.length === 0 || names.includes(name));
  const groups = [
    wanted.filter(({ isAlone }) => !isAlone),
    ...wanted.filter(({ isAlone }) => isAlone).map((of) => [of]),
  ];
  const parts = unknown.map((name) => failed(`no tests are called ${name}; there are ${all.join(', ')}`));
  for (const group of groups) {
    const turns = takeTurns(group.length, runner.write);
    parts.push(
      ...(await Promise.all(
        group.map(async (suite, i) => {
          const { write, end } = turns[i] as Turn;
          try {
            return await runSuite(suite, { ...runner, write });
          } finally {
            end();
          }
        }),
      )),
    );
  }
  return {
    results: parts.flatMap(({ results }) => results),
    skips: parts.flatMap(({ skips }) => skips),
    failures: parts.flatMap(({ failures }) => failures),
  };
}

async function runSuite(suite: Suite, runner: Runner): Promise<Summary> {
  const { name, files, needsKernel } = suite;
  const { isStrict, idleLimit, root, write } = runner;
  if (files.length === 0) return isStrict ? failed(`there are no ${name} tests`) : nothing;
  const obstacle = needsKernel ? runner.kernelObstacle() : undefined;
  if (obstacle) {
    const line = `${name} tests cannot run: ${obstacle.reason}`;
    return obstacle.excusable && !isStrict ? { ...nothing, skips: [line] } : failed(line);
  }
  write(`\n${name} tests\n`);
  const begin = performance.now();
  const result = await runFiles(suite, runner);
  const took = `in ${((performance.now() - begin) / 1000).toFixed(0)} s`;
  const skips = result.skips.map((reason) => `${name} tests: ${reason}`);
  const hanging = result.hanging.map(
    (file) => `${file.replace(`${root}/`, '')} was ended after ${idleLimit / 1000} s without a result`,
  );
  if (!result.hasPassed)
    return {
      results: [`${name} tests: failed ${took}`],
      skips,
      failures: [...hanging, `${name} tests failed`],
    };
  const isIncomplete = result.skips.some((reason) => reason.startsWith('cannot run without'));
  return { ...nothing, results: [`${name} tests: ${isIncomplete ? 'incomplete' : 'passed'} ${took}`], skips };
}

async function runFiles(
  { files, needsKernel, unattached = [] }: Suite,
  { root, testLimit, idleLimit, write, run }: Runner,
): Promise<TestFilesResult> {
  const runBeside = (some: readonly string[], concurrency: number) =>
    run(some, { cwd: root, concurrency, testLimit, idleLimit, write });
  const result = await runBeside(files, needsKernel ? 1 : availableParallelism());
  if (unattached.length === 0) return result;
  const more = await runBeside(unattached, availableParallelism());
  return {
    hasPassed: result.hasPassed && more.hasPassed,
    hanging: [...result.hanging, ...more.hanging],
    skips: [...new Set([...result.skips, ...more.skips])],
  };
}

const nothing: Summary = { results: [], skips: [], failures: [] };
const failed = (line: string): Summary => ({ ...nothing, failures: [line] });
