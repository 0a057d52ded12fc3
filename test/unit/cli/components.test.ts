import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { components } from '../../../src/components.ts';
import { version } from '../../../src/version.ts';
import { earshot } from './earshot.ts';

test('components lists all components as YAML', () => {
  const { status, stdout } = earshot('components');
  assert.equal(status, 0);
  const listed = parse(stdout);
  assert.deepEqual(listed.buildinfo, { command: 'earshot', version });
  for (const { kind, type, summary } of components)
    assert.ok(
      listed[`${kind}s`].some(
        (one: { name: string; summary: string }) => one.name === type && one.summary === summary,
      ),
    );
});

test('components shows the stability of each signal as the Collector does', () => {
  const { receivers, connectors } = parse(earshot('components').stdout);
  const named = (list: readonly { readonly name: string }[], name: string) =>
    list.find((one) => one.name === name);
  assert.deepEqual(named(receivers, 'scheduler'), {
    ...named(receivers, 'scheduler'),
    stability: { metrics: 'Beta', logs: 'Beta' },
  });
  assert.deepEqual(named(connectors, 'forward'), {
    ...named(connectors, 'forward'),
    connects: [
      'metrics to metrics: Beta',
      'logs to logs: Beta',
      'traces to traces: Beta',
      'profiles to profiles: Beta',
    ],
  });
});
