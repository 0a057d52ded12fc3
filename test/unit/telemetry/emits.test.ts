import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import * as conventions from '@opentelemetry/semantic-conventions/incubating';
import { allEmits } from '../../../scripts/write-metrics-doc.ts';
import {
  kernelCounter,
  kernelLosses,
  kernelNotes,
  schedulerCounters,
} from '../../../src/receivers/scheduler/emits.ts';
import { waitClasses } from '../../../src/receivers/scheduler/source.ts';
import { eventAttributes } from '../../../src/telemetry/attributes/event.ts';
import { resourceAttributes } from '../../../src/telemetry/attributes/resource.ts';
import { causes, waitPart } from '../../../src/telemetry/attributes/wait.ts';
import { workloadAttributes } from '../../../src/telemetry/attributes/workload.ts';
import type { Attribute } from '../../../src/telemetry/emits.ts';
import { signals } from '../../../src/telemetry/signals.ts';
import { lossReasons } from '../receivers/scheduler/plain-abi.ts';

const metrics = allEmits.flatMap(({ metrics: own = [] }) => own);
const events = allEmits.flatMap(({ events: own = [] }) => own);
const counters = allEmits.flatMap(({ counters: own = [] }) => own);
const attributes: readonly Attribute[] = [...metrics, ...events, ...allEmits].flatMap(
  ({ attributes: own = [] }) => own,
);

const nouns = Object.values(signals).map(({ item }) => item.noun);

const root = new URL('../../../src/', import.meta.url);

/** UCUM: what is measured here, or a noun in braces for what is counted. */
const unit = /^(s|By|1|\{[a-z_]+\})$/;

describe('declarations', () => {
  test('each metric and counter has one name, one meaning and a UCUM unit', () => {
    const declared = new Set([...metrics, ...counters]);
    assert.equal(new Set([...declared].map(({ name }) => name)).size, declared.size);
    assert.equal(new Set([...declared].map(({ meaning }) => meaning)).size, declared.size - perSignal());
    for (const each of declared) assert.match(each.unit, unit, each.name);
  });

  test('each attribute has one key and one meaning', () => {
    const declared = new Set(attributes);
    assert.equal(new Set([...declared].map(({ key }) => key)).size, declared.size);
    assert.equal(new Set([...declared].map(({ meaning }) => meaning)).size, declared.size);
  });

  test('each event has one name', () => {
    assert.equal(new Set(events.map(({ name }) => name)).size, new Set(events).size);
  });

  test('names of metrics and events have the prefix `earshot` and lower-case parts', () => {
    for (const { name } of [...metrics, ...events]) assert.match(name, /^earshot(\.[a-z_]+)+$/);
  });

  test('names of counters have the prefix of the Collector or of the agent', () => {
    for (const { name } of counters)
      assert.match(name, /^(otelcol_[a-z_]+(\.[a-z_]+)?|earshot\.agent(\.[a-z0-9_]+)+)$/);
  });

  test('each meaning is a sentence', () => {
    for (const { meaning } of [...metrics, ...events, ...counters, ...attributes])
      assert.match(meaning, /\.$/);
  });

  test('the key of a part of a wait is no other attribute', () => {
    const keys = new Set(attributes.map(({ key }) => key));
    for (const part of [...waitClasses, ...causes]) assert.ok(!keys.has(waitPart(part)), part);
  });
});

test('each name of telemetry in the sources is declared', () => {
  const declared = new Set([
    ...[...metrics, ...events, ...counters].map(({ name }) => name),
    ...attributes.map(({ key }) => key),
    ...counters.flatMap(({ name }) => nouns.flatMap((noun) => prefixOf(name, noun) ?? [])),
  ]);
  const sources = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.ts'),
  );
  const names = sources.flatMap((path) =>
    [...readFileSync(new URL(path, root), 'utf8').matchAll(/'((?:earshot\.|otelcol_)[\w.]+)'/g)].map(
      ([, name]) => name,
    ),
  );
  assert.ok(names.length > 50);
  assert.deepEqual(
    names.filter((name) => !declared.has(name ?? '')),
    [],
  );
});

const prefixOf = (name: string, noun: string) =>
  name.startsWith('otelcol_') && name.endsWith(`_${noun}`) ? name.slice(0, -noun.length - 1) : undefined;

/** Counters of items exist once for each signal, with the same meaning. */
function perSignal(): number {
  const ofFirst = counters.filter(({ name }) => name.endsWith(`_${nouns[0]}`));
  return new Set(ofFirst).size * (nouns.length - 1);
}

test('attributes outside the stable conventions have the keys of their package', () => {
  const { hostName } = resourceAttributes;
  const { containerName, containerRuntime } = workloadAttributes;
  const { processId, threadId, threadName, cpu } = eventAttributes;
  assert.deepEqual(
    [hostName, containerName, containerRuntime, processId, threadId, threadName, cpu].map(({ key }) => key),
    [
      conventions.ATTR_HOST_NAME,
      conventions.ATTR_CONTAINER_NAME,
      conventions.ATTR_CONTAINER_RUNTIME_NAME,
      conventions.ATTR_PROCESS_PID,
      conventions.ATTR_THREAD_ID,
      conventions.ATTR_THREAD_NAME,
      conventions.ATTR_CPU_LOGICAL_NUMBER,
    ],
  );
});

test('a reason of the kernel side is a loss unless it is declared as a note', () => {
  const noted = lossReasons.filter((reason) => !kernelCounter(reason).isLoss);
  assert.deepEqual(noted.sort(), [
    ...['core_scheduled', 'progress_delayed', 'saturated', 'suppressed', 'switch_missed'],
  ]);
  assert.ok(!kernelCounter('reading_delayed').isLoss, 'by the reader, not by the kernel');
  assert.ok(kernelCounter('events_overrun').isLoss);
  assert.ok(kernelCounter('constructor').isLoss, 'an unknown reason is a loss');
});

test('each reason of the scheduler programs has a meaning, as a loss or as a note', () => {
  const explained = [...Object.keys(kernelLosses), ...Object.keys(kernelNotes)];
  assert.deepEqual(
    lossReasons.filter((reason) => !explained.includes(reason)),
    [],
  );
});

test('the meaning of the counter of notes lists each of their reasons', () => {
  for (const reason of Object.keys(kernelNotes))
    assert.ok(schedulerCounters.kernelNoted.meaning.includes(`\`${reason}\``), reason);
});
