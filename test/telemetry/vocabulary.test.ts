import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ATTR_CPU_LOGICAL_NUMBER,
  ATTR_PROCESS_PID,
  ATTR_THREAD_ID,
  ATTR_THREAD_NAME,
} from '@opentelemetry/semantic-conventions/incubating';
import { waitClasses } from '../../src/kernel/scheduler-source.ts';
import {
  attributeMeaning,
  attributes,
  causes,
  events,
  metrics,
  waitPart,
} from '../../src/telemetry/vocabulary.ts';

test('attributes of conventions not yet stable are named as their package names them', () => {
  assert.equal(attributes.processId, ATTR_PROCESS_PID);
  assert.equal(attributes.threadId, ATTR_THREAD_ID);
  assert.equal(attributes.threadName, ATTR_THREAD_NAME);
  assert.equal(attributes.cpu, ATTR_CPU_LOGICAL_NUMBER);
});

test('names follow the conventions: own prefix, lower case, no unit in the name', () => {
  for (const { name } of [...Object.values(metrics), ...Object.values(events)])
    assert.match(name, /^earshot(\.[a-z_]+)+$/);
});

test('no part of a wait takes the name of another attribute', () => {
  const keys = new Set<string>(Object.values(attributes));
  for (const part of [...waitClasses, ...causes]) assert.ok(!keys.has(waitPart(part)), part);
});

test('no two attributes share a key', () => {
  assert.equal(new Set(Object.values(attributes)).size, Object.keys(attributeMeaning).length);
  assert.equal(Object.values(attributes).length, Object.keys(attributeMeaning).length);
});
