import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { configDocument, path } from '../../../scripts/write-config-doc.ts';
import { components } from '../../../src/components.ts';
import { sampleComponents } from './sample-components.ts';

test('docs/CONFIG.md is current; `node scripts/write-config-doc.ts` writes it', () => {
  assert.equal(readFileSync(path, 'utf8'), configDocument(components));
});

const sample = configDocument(sampleComponents);

function assertRow(key: string, type: string, preset: string): void {
  const start = `| \`${key}\` | ${type} | ${preset} |`;
  assert.ok(
    sample.split('\n').some((line) => line.startsWith(start)),
    `no "${start}" in:\n${sample}`,
  );
}

test('every component has a part of its own, under its kind', () => {
  const headings = sample.split('\n').filter((line) => /^###? /.test(line));
  assert.deepEqual(headings, [
    ...['## receivers', '### `probe`', '### `events`'],
    ...['## processors', '### `trim`'],
    ...['## connectors', '### `relay`'],
    ...['## exporters', '### `send`', '### `show`'],
    ...['## extensions', '### `status`'],
    '## service',
    '## Feature gates',
    '## Coming from the Collector',
  ]);
});

test('a key has its type with limits, and its default as it is written in YAML', () => {
  assertRow('interval', 'duration, 100ms to 1h', '`10s`');
  assertRow('depth', 'whole number, at least 1', '`3`');
  assertRow('exact', 'true or false', '`false`');
  assertRow('mode', '`fast`, `thorough`', '`fast`');
  assertRow('include', 'list of text', '`[]`');
  assertRow('headers', 'any key: text, secret', '`{}`');
});

test('a key without a default is required or may be absent', () => {
  assertRow('endpoint', 'text', 'required');
  assertRow('label', 'text', 'absent');
});

test('nested keys are written with their path', () => {
  assertRow('limits::count', 'whole number', '`7`');
  assertRow('pipelines::<id>::receivers', 'list of text', 'required');
});

test('signals, the pairs of a connector and former types are named', () => {
  assert.match(sample, /### `events`\n\nMeasures\. Signals: logs \(beta\)\./);
  assert.match(sample, /Relays\. Connects metrics to metrics \(beta\), metrics to logs \(beta\)\./);
  assert.match(
    sample,
    /Sends\. Signals: metrics \(beta\), logs \(alpha\)\. Former type, deprecated: `sender`\./,
  );
});
