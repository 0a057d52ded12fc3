/**
 * What must hold before a commit: format, lint, types, unit tests. Runs all of them and names those that failed.
 *
 *   scripts/check.ts [--no-tests]    where they have just been run
 */
import { spawnSync } from 'node:child_process';
import { cSources, root } from './c-sources.ts';

const node = process.execPath;

const withTests = !process.argv.includes('--no-tests');
const checks: Readonly<Record<string, readonly string[]>> = {
  'format and lint': [node, 'node_modules/@biomejs/biome/bin/biome', 'check'],
  'format of C': ['clang-format', '--dry-run', '-Werror', ...cSources],
  'imports between folders': [node, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs', 'src'],
  types: [node, 'node_modules/typescript/bin/tsc', '-p', '.'],
  ...(withTests && { 'unit tests': [node, 'scripts/test.ts', 'unit'] }),
};

const failed = Object.entries(checks).filter(([name, [command = '', ...rest]]) => {
  const { status, error } = spawnSync(command, rest, { cwd: root, stdio: 'inherit' });
  if (error) console.error(`cannot run ${command}: ${error.message}`);
  console.log(`${status === 0 ? 'ok' : 'FAILED'}: ${name}`);
  return status !== 0;
});
process.exitCode = failed.length > 0 ? 1 : 0;
