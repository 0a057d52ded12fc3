/** Formats every source in place. */
import { spawnSync } from 'node:child_process';
import { cSources, root } from './c-sources.ts';

const commands = [
  [process.execPath, 'node_modules/@biomejs/biome/bin/biome', 'check', '--write'],
  ['clang-format', '-i', ...cSources],
];
for (const [command = '', ...rest] of commands)
  if (spawnSync(command, rest, { cwd: root, stdio: 'inherit' }).status !== 0) process.exitCode = 1;
