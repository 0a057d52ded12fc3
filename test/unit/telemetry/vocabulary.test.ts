import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ATTR_CPU_LOGICAL_NUMBER,
  ATTR_PROCESS_PID,
  ATTR_THREAD_ID,
  ATTR_THREAD_NAME,
} from '@opentelemetry/semantic-conventions/incubating';
import { waitClasses } from '../../../src/receivers/scheduler/source.ts';
import {
  attributeMeaning,
  attributes,
  causes,
  cgroupMetrics,
  counterMeaning,
  events,
  isLoss,
  kernelCounter,
  kernelNotes,
  metrics,
  waitPart,
} from '../../../src/telemetry/vocabulary.ts';
import { dropReasons } from '../receivers/scheduler/plain-abi.ts';

test('attributes of conventions not yet stable are named as their package names them', () => {
  assert.equal(attributes.processId, ATTR_PROCESS_PID);
  assert.equal(attributes.threadId, ATTR_THREAD_ID);
  assert.equal(attributes.threadName, ATTR_THREAD_NAME);
  assert.equal(attributes.cpu, ATTR_CPU_LOGICAL_NUMBER);
});

test('names follow the conventions: own prefix, lower case, no unit in the name', () => {
  for (const { name } of [metrics, cgroupMetrics, events].flatMap((of) => Object.values(of)))
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

test('what the kernel side only notes is not shown as lost, and everything else is', () => {
  const noted = dropReasons.filter((reason) => !isLoss(kernelCounter(reason)));
  assert.deepEqual(noted.sort(), ['no_slot', 'progress_delayed', 'saturated', 'suppressed', 'switch_missed']);
  assert.ok(!isLoss(kernelCounter('reading_delayed')), 'by the reader, not by the kernel');
  assert.ok(isLoss(kernelCounter('events_overrun')));
  assert.ok(isLoss(kernelCounter('constructor')), 'a reason nobody knows is loss');
});

test('each reason that is no loss is explained', () => {
  for (const reason of Object.keys(kernelNotes))
    assert.ok(counterMeaning[kernelCounter(reason)].includes(`\`${reason}\``), reason);
});
