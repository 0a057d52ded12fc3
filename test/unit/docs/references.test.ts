import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const documents = globSync('{*,{docs,config,bench,.github}/**/*}.md', { cwd: root });
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

for (const path of documents) {
  const text = readFileSync(join(root, path), 'utf8');

  test(`${path}: each link leads to a file`, () => {
    for (const [, target = ''] of text.matchAll(/\]\((?!https?:)([^)#\s]+)/g))
      assert.ok(existsSync(join(root, dirname(path), target)), target);
  });

  test(`${path}: each npm script and each source that it names exists`, () => {
    for (const [, name = ''] of text.matchAll(/npm run ([\w:]+)/g))
      assert.ok(name in scripts, `npm run ${name}`);
    for (const [, file = ''] of text.matchAll(/`((?:src|scripts|test|bpf|native|config)\/[\w/.-]*[\w/])`/g))
      assert.ok(existsSync(join(root, file)), file);
  });
}
