import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const read = (pattern: string) =>
  globSync(pattern, { cwd: root }).map((file) => readFileSync(`${root}/${file}`, 'utf8'));
const rows = read('docs/GLOSSARY.md')
  .join()
  .split('\n')
  .flatMap((line) => /^\| \*\*(.+?)\*\* \|(.*)\|(.*)\|$/.exec(line) ?? [])
  .filter((_, i) => i % 4 === 1);
const code = [...read('src/**/*.ts'), ...read('bpf/**/*.{c,h}')].join('\n');

test('the glossary has at most 25 words', () => {
  assert.ok(rows.length > 20 && rows.length <= 25, String(rows.length));
});

for (const word of rows)
  test(`glossary: “${word}” is a word of the code`, () => {
    // as text, in snake_case, kebab-case, camelCase or PascalCase
    const pattern = word.split(' ').join('[ _-]?');
    assert.match(code, new RegExp(`(?<![a-z])${pattern}`, 'i'));
  });

test('glossary: each file it names exists', () => {
  const text = read('docs/GLOSSARY.md').join();
  for (const [, file = ''] of text.matchAll(/`([\w/.-]+\.(?:ts|c|h)|[\w/-]+\/)`/g)) {
    const found = globSync(`**/${file}`, { cwd: root, exclude: ['node_modules', 'build', 'dist'] });
    assert.ok(found.length > 0, file);
  }
});
