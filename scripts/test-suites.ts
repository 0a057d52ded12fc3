import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Obstacle } from './kernel-obstacle.ts';
import type { TestFilesOptions, TestFilesResult } from './test-files.ts';

export interface Suite {
  readonly name: string;
  readonly files: readonly string[];
  /** `files` run one after the other, because they measure this machine's scheduler. */
  readonly needsKernel: boolean;
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
    { name: 'kernel', files: find('test/kernel/**/*.test.ts'), needsKernel: true },
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

/** Runs the named suites, or all of them. */
export async function runSuites(
  suites: readonly Suite[],
  names: readonly string[],
  runner: Runner,
): Promise<Summary> {
  const parts: Summary[] = [];
  for (const name of names.length > 0 ? names : suites.map((suite) => suite.name)) {
    const suite = suites.find((each) => each.name === name);
    if (suite) parts.push(await runSuite(suite, runner));
    else {
      const all = suites.map((each) => each.name).join(', ');
      parts.push(failed(`no tests are called ${name}; there are ${all}`));
    }
  }
  return {
    results: parts.flatMap(({ results }) => results),
    skips: parts.flatMap(({ skips }) => skips),
    failures: parts.flatMap(({ failures }) => failures),
  };
}

async function runSuite(suite: Suite, runner: Runner): Promise<Summary> {
  const { name, files, needsKernel } = suite;
  const { isStrict, idleLimit, root } = runner;
  if (files.length === 0) return isStrict ? failed(`there are no ${name} tests`) : nothing;
  const obstacle = needsKernel ? runner.kernelObstacle() : undefined;
  if (obstacle) {
    const line = `${name} tests cannot run: ${obstacle.reason}`;
    return obstacle.excusable && !isStrict ? { ...nothing, skips: [line] } : failed(line);
  }
  console.log(`\n${name} tests`);
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
  { root, testLimit, idleLimit, run }: Runner,
): Promise<TestFilesResult> {
  const runBeside = (some: readonly string[], concurrency: number) =>
    run(some, { cwd: root, concurrency, testLimit, idleLimit });
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
