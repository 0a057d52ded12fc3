import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { components } from '../../../src/components.ts';
import { loadConfig } from '../../../src/config/load.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** As the manifests beside them set it. */
const environment = {
  K8S_NODE_NAME: 'node1',
  NODE_IP: '10.0.0.1',
  OTLP_ENDPOINT: 'http://10.0.0.1:4317',
  POD_UID: 'f6f2d169-f2ae-4afa-95ed-06ff2ed6b288',
};

for (const path of globSync('config/{*,examples/*,kubernetes/*/earshot}.yaml', { cwd: root }))
  test(`${path} is valid without a warning`, () => {
    const { warnings } = loadConfig(
      { files: [`${root}${path}`], sets: [], environment: path.includes('kubernetes/') ? environment : {} },
      components,
    );
    assert.deepEqual(warnings, []);
  });
