import assert from 'node:assert/strict';
import { test } from 'node:test';
import { components } from '../../../src/components.ts';
import { loadConfig } from '../../../src/config/load.ts';

const load = (receivers: readonly string[]) =>
  loadConfig(
    {
      files: ['a.yaml'],
      sets: [],
      environment: {},
      readFile: () => `
receivers: {scheduler: {}, scheduler/b: {}}
exporters: {debug: {}}
service: {pipelines: {metrics: {receivers: [${receivers.join(', ')}], exporters: [debug]}}}
`,
    },
    components,
  );

test('two running instances of an exclusive component are refused', () => {
  assert.throws(
    () => load(['scheduler', 'scheduler/b']),
    /there is "scheduler" already: an agent can have one scheduler only/,
  );
});

test('an unused second instance of an exclusive component is only unused', () => {
  assert.equal(load(['scheduler']).warnings.length, 1);
});
