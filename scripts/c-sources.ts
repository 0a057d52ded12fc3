import { globSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** Everything clang-format is responsible for, relative to the root. */
export const cSources = globSync(
  ['bpf', 'native', 'bench', 'test'].map((directory) => `${directory}/**/*.[ch]`),
  {
    cwd: root,
  },
);
