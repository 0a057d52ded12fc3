import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Ajv } from 'ajv';
import { path, schemaDocument } from '../../../../scripts/write-schema.ts';
import { publishedSchema } from '../../../../src/config/schema/file-schema.ts';
import { sampleComponents } from '../sample-components.ts';

test('config/schema.json is current; `node scripts/write-schema.ts` writes it', () => {
  assert.equal(readFileSync(path, 'utf8'), schemaDocument());
});

test('the published schema is valid JSON Schema, without keywords of our own', () => {
  const strict = new Ajv({ strict: true, allowUnionTypes: true, strictTypes: false });
  assert.doesNotThrow(() => strict.compile(publishedSchema(sampleComponents)));
});

const accepts = new Ajv({ allowUnionTypes: true }).compile(publishedSchema(sampleComponents));

const withBodies = (probe: unknown, send: unknown = { endpoint: 'e' }) => ({
  receivers: { probe },
  exporters: { 'send/x': send },
  service: { pipelines: { 'metrics/a': { receivers: ['probe'], exporters: ['send/x'] } } },
});

test('an editor accepts what the agent accepts', () => {
  const bodies = [
    null,
    {},
    { interval: '1h30m', depth: 4 },
    { interval: 0 },
    { limits: null },
    { mode: 'fast' },
  ];
  const expansions = { interval: '${env:I}', depth: '${D:-3}', ratio: '${R}', exact: '${E}', mode: '${M}' };
  for (const body of [...bodies, expansions])
    assert.ok(accepts(withBodies(body)), JSON.stringify(accepts.errors));
  assert.ok(accepts({ ...withBodies(null), processors: null, connectors: {} }));
});

test('an editor marks what the agent refuses', () => {
  const bodies = [
    { nope: 1 },
    { interval: 10 },
    { interval: 'soon' },
    { depth: 'x' },
    { depth: 0 },
    { mode: 'x' },
    { exact: 'yes' },
  ];
  for (const body of bodies) assert.ok(!accepts(withBodies(body)), JSON.stringify(body));
  assert.ok(!accepts(withBodies(null, {})), 'a required key is missing');
  assert.ok(!accepts({ ...withBodies(null), receivers: { 'prob/x': null } }), 'the type is unknown');
  assert.ok(!accepts({ ...withBodies(null), service: {} }), 'there is no pipeline');
});
