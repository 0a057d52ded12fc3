import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { addAttributes } from '../../../src/runtime/data-attributes.ts';
import { signalNames } from '../../../src/telemetry/batch.ts';
import { batchWith, itemsIn } from '../batch-with.ts';

const shown = (batch: object) => inspect(batch, { depth: Number.POSITIVE_INFINITY });

test('each resource of each signal gets the attributes that it lacks; nothing else changes', () => {
  const complete = addAttributes({ 'cloud.region': 'a', name: 'other' });
  for (const signal of signalNames) {
    const batch = batchWith(signal, { one: ['x', 'y'], two: ['z'] });
    const completed = complete(batch);
    assert.deepEqual(itemsIn(completed), itemsIn(batch), signal);
    const text = shown(completed);
    assert.match(text, /cloud\.region/);
    assert.doesNotMatch(text, /other/);
    assert.doesNotMatch(shown(batch), /cloud\.region/, 'batches are immutable');
  }
});

test('a resource that comes again stays the same object', () => {
  const complete = addAttributes({ 'cloud.region': 'a' });
  const batch = batchWith('metrics', { one: ['x'] });
  const of = () => {
    const completed = complete(batch);
    return completed.signal === 'metrics' ? completed.resourceMetrics[0]?.resource : undefined;
  };
  assert.ok(of());
  assert.equal(of(), of());
});

test('without attributes batches stay as they are', () => {
  const batch = batchWith('logs', { one: ['x'] });
  assert.equal(addAttributes({})(batch), batch);
});
