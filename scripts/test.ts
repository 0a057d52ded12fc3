/**
 * Runs the tests: those of the real kernel one after the other, because they measure this machine's scheduler.
 *
 *   scripts/test.ts [--thorough] [unit] [kernel] [e2e]    all of them unless some are named
 *
 * With --thorough the same tests take longer loads and more cases, as in continuous integration.
 *
 * With CI=true in the environment, what cannot be run has failed.
 */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { kernelObstacle } from './kernel-obstacle.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

interface Suite {
  readonly files: readonly string[];
  readonly needsKernel: boolean;
}

const find = (pattern: string, exclude: readonly string[] = []) =>
  globSync(pattern, { cwd: root, exclude: [...exclude] }).sort();

const suites: Readonly<Record<string, Suite>> = {
  unit: {
    files: find('test/**/*.test.ts', [
      'test/kernel/**',
      'test/vm/guest/**',
      'test/e2e/**',
      'test/kubernetes/**',
    ]),
    needsKernel: false,
  },
  kernel: { files: find('test/kernel/**/*.test.ts'), needsKernel: true },
  e2e: { files: find('test/e2e/**/*.test.ts'), needsKernel: true },
};

/** A test that hangs is a failure with its name; without the second, its file would still keep the runner waiting. */
const timeLimits = ['--test-timeout=180000', '--test-force-exit'];

const isExcused = process.env.CI !== 'true';
const named = process.argv.slice(2).filter((argument) => argument !== '--thorough');
const env = {
  ...process.env,
  // Each file is a process, and the agent is started a hundred times: without it, all types are stripped each time.
  NODE_COMPILE_CACHE: join(root, 'build/compile-cache'),
  ...(process.argv.includes('--thorough') && { EARSHOT_THOROUGH: 'true' }),
};
const wanted = named.length > 0 ? named : Object.keys(suites);
const results: string[] = [];
const failures: string[] = [];
const skips: string[] = [];

for (const name of wanted) {
  const suite = suites[name];
  if (!suite) {
    failures.push(`no tests are called ${name}; there are ${Object.keys(suites).join(', ')}`);
    continue;
  }
  if (suite.files.length === 0) {
    if (!isExcused) failures.push(`there are no ${name} tests`);
    continue;
  }
  const obstacle = suite.needsKernel ? kernelObstacle() : undefined;
  if (obstacle) {
    (obstacle.excusable && isExcused ? skips : failures).push(`${name} tests cannot run: ${obstacle.reason}`);
    continue;
  }
  console.log(`\n${name} tests`);
  const concurrency = `--test-concurrency=${suite.needsKernel ? 1 : availableParallelism()}`;
  const begin = performance.now();
  const { status, signal } = spawnSync(
    process.execPath,
    ['--test', ...timeLimits, concurrency, ...suite.files],
    { cwd: root, stdio: 'inherit', env },
  );
  const took = ((performance.now() - begin) / 1000).toFixed(0);
  results.push(`${name} tests: ${status === 0 ? 'passed' : 'failed'} in ${took} s`);
  if (status !== 0) failures.push(`${name} tests failed${signal ? ` (${signal})` : ''}`);
}

for (const result of results) console.log(result);
for (const skip of skips) console.log(`skipped: ${skip}`);
for (const failure of failures) console.error(`failed: ${failure}`);
process.exitCode = failures.length > 0 ? 1 : 0;
