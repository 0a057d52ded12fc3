import assert from 'node:assert/strict';
import { copyFileSync, globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { components } from '../../../src/components.ts';
import { loadConfig } from '../../../src/config/load.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));

const tlsDirectory = mkdtempSync(join(tmpdir(), 'earshot-shipped-'));
after(() => rmSync(tlsDirectory, { recursive: true }));
for (const [name, fixture] of Object.entries({
  'ca.crt': 'ca-1.pem',
  'tls.crt': 'client-1.pem',
  'tls.key': 'client-1.key',
}))
  copyFileSync(`${root}test/unit/fixtures/tls/rotation/${fixture}`, join(tlsDirectory, name));

/** As the manifests beside them set it, or those that use an example. */
const manifests = {
  K8S_NODE_NAME: 'node1',
  NODE_IP: '10.0.0.1',
  OTLP_ENDPOINT: 'http://10.0.0.1:4317',
  POD_UID: 'f6f2d169-f2ae-4afa-95ed-06ff2ed6b288',
};

const secured = {
  OAUTH2_CLIENT_SECRET: 'secret',
  OAUTH2_TOKEN_URL: 'https://id.example.com/oauth2/token',
  OTLP_ENDPOINT: 'https://collector:4317',
  TLS_DIRECTORY: tlsDirectory,
};

function environmentOf(path: string) {
  if (path.includes('kubernetes/')) return manifests;
  return path.includes('secured') ? secured : {};
}

for (const path of globSync('config/{*,examples/*,kubernetes/*/earshot}.yaml', { cwd: root }))
  test(`${path} is valid without a warning`, () => {
    const { warnings } = loadConfig(
      { files: [`${root}${path}`], sets: [], environment: environmentOf(path) },
      components,
    );
    assert.deepEqual(warnings, []);
  });
