/**
 * Runs the tests: those that compare times of this machine's scheduler alone, the others before, beside each other.
 *
 *   scripts/test.ts [--thorough] [--idle-limit SECONDS] [unit] [kernel] [e2e]    all of them unless some are named
 *
 * With --thorough the same tests take longer loads and more cases, as in continuous integration. A file without a
 * result for 240 s is ended, and has failed.
 *
 * With CI=true in the environment, what cannot be run has failed.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { kernelObstacle } from './kernel-obstacle.ts';
import { runTestFiles } from './test-files.ts';
import { findSuites, runSuites, testEnvironment } from './test-suites.ts';

const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');

const { values, positionals } = parseArgs({
  options: {
    thorough: { type: 'boolean', default: false },
    'idle-limit': { type: 'string', default: '240' },
  },
  allowPositionals: true,
});
const idleLimit = Number(values['idle-limit']) * 1000;
if (!(idleLimit > 0)) throw new Error(`cannot read --idle-limit ${values['idle-limit']}: it must be above 0`);

Object.assign(process.env, testEnvironment(root, values.thorough));
const begin = performance.now();
const { results, skips, failures } = await runSuites(findSuites(root), positionals, {
  isStrict: process.env.CI === 'true',
  testLimit: 180_000,
  idleLimit,
  root,
  write: (text) => process.stdout.write(text),
  kernelObstacle,
  run: runTestFiles,
});
for (const result of results) console.log(result);
console.log(`all: ${((performance.now() - begin) / 1000).toFixed(0)} s`);
for (const skip of skips) console.log(`skipped: ${skip}`);
for (const failure of failures) console.error(`failed: ${failure}`);
process.exitCode = failures.length > 0 ? 1 : 0;
