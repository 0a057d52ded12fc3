import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { version } from '../../src/version.ts';
import { kubernetesBinary } from './peers.ts';

const manifests = fileURLToPath(new URL('../../config/kubernetes', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'earshot-kubectl-'));
const kubectl = join(folder, 'kubectl');
symlinkSync(kubernetesBinary(), kubectl);
after(() => rmSync(folder, { recursive: true }));

function kindsOf(name: string): readonly string[] {
  const text = execFileSync(kubectl, ['kustomize', join(manifests, name)], { encoding: 'utf8' });
  assert.match(text, new RegExp(`image: earshot:${version}$`, 'm'));
  return parseAllDocuments(text)
    .map((document) => String(document.get('kind')))
    .sort();
}

test('kubectl renders the manifests, with the image of this version', () => {
  assert.deepEqual(kindsOf('base'), [
    'ClusterRole',
    'ClusterRoleBinding',
    'ConfigMap',
    'DaemonSet',
    'Namespace',
    'ServiceAccount',
  ]);
  assert.deepEqual(kindsOf('sidecar-example'), ['ConfigMap', 'Deployment']);
});
