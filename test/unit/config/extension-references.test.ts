import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Component } from '../../../src/component.ts';
import { ConfigError } from '../../../src/config/config-error.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { Type } from '../../../src/config/schema/type.ts';
import { sampleComponents } from './sample-components.ts';

const storageId = () => Type.Optional(Type.String({ extension: 'storage' }));
const open = () => Promise.reject(new Error('configuration alone never opens a component'));

const components: readonly Component[] = [
  ...sampleComponents,
  {
    kind: 'processor',
    type: 'remember',
    summary: 'Remembers.',
    stability: { metrics: 'beta' },
    config: Type.Object({
      storage: storageId(),
      backup: Type.Object({ storage: storageId() }, { default: {} }),
    }),
    open,
  },
  {
    kind: 'extension',
    type: 'vault',
    summary: 'Keeps.',
    stability: 'beta',
    provides: 'storage',
    config: Type.Object({}),
    open,
  },
];

/** Problems of a configuration whose processor has this body. */
function problems(body: string, { extensions = 'vault: ', started = 'vault' } = {}): readonly string[] {
  const text = `receivers: {probe: }
processors:
  remember: ${body}
extensions: {${extensions}}
exporters: {show: }
service:
  extensions: [${started}]
  pipelines: {metrics: {receivers: [probe], processors: [remember], exporters: [show]}}
`;
  try {
    loadConfig({ files: ['a.yaml'], sets: [], environment: {}, readFile: () => text }, components);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message.split('\n').filter((line) => line.startsWith('a.yaml'));
  }
}

test('settings may name a storage that is started, or none', () => {
  assert.deepEqual(
    problems('{storage: vault, backup: {storage: vault/b}}', {
      extensions: 'vault: , vault/b: ',
      started: 'vault, vault/b',
    }),
    [],
  );
  assert.deepEqual(problems(''), []);
});

test('a storage that is not configured is refused where it is named, with what to do', () => {
  assert.deepEqual(problems('{storage: nothing}'), [
    'a.yaml:3:14: processors::remember::storage: references extension "nothing" which is not configured: add a storage (vault) to extensions and to service::extensions',
  ]);
  assert.deepEqual(problems('{backup: {storage: vaults}}'), [
    'a.yaml:3:23: processors::remember::backup::storage: references extension "vaults" which is not configured (did you mean "vault"?)',
  ]);
});

test('an extension that is no storage is refused', () => {
  assert.deepEqual(problems('{storage: status}', { extensions: 'status: ', started: 'status' }), [
    'a.yaml:3:14: processors::remember::storage: extension "status" is no storage: name one of type vault',
  ]);
});

test('a storage that is not started is refused', () => {
  assert.deepEqual(problems('{storage: vault}', { started: '' }), [
    'a.yaml:3:14: processors::remember::storage: extension "vault" is not started: add it to service::extensions',
  ]);
});

test('where the list of extensions is wrong already, nothing is said about names in it', () => {
  assert.equal(problems('{storage: vault}', { started: '{}' }).length, 1);
});
