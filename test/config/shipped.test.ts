import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { components } from '../../src/components.ts';
import { loadConfig } from '../../src/config/load.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

for (const path of globSync('config/**/*.yaml', { cwd: root }))
  test(`${path} is right as it is, without a warning`, () => {
    const { warnings } = loadConfig({ files: [`${root}${path}`], sets: [], environment: {} }, components);
    assert.deepEqual(warnings, []);
  });
