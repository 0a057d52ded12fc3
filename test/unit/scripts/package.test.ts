import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const cwd = fileURLToPath(new URL('../../..', import.meta.url));

test('the package has the object of each BPF source, and no other', () => {
  const { files } = JSON.parse(readFileSync(`${cwd}/package.json`, 'utf8')) as {
    readonly files: readonly string[];
  };
  const packaged = globSync(files, { cwd }).filter((path) => path.endsWith('.o'));
  const sources = globSync(['bpf/*.bpf.c', 'bpf/*/*.bpf.c'], { cwd });
  assert.deepEqual(
    packaged.map((path) => basename(path, '.o')).sort(),
    sources.map((path) => basename(path, '.c')).sort(),
  );
});
