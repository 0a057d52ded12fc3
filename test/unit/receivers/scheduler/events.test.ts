import assert from 'node:assert/strict';
import { test } from 'node:test';
import { waitAttributes } from '../../../../src/receivers/scheduler/events.ts';
import { cgroupId, nanoseconds } from '../../../../src/telemetry/units.ts';
import { events, attributes as keys, waitPart } from '../../../../src/telemetry/vocabulary.ts';
import { waitEvent } from './readings.ts';

const named = {
  culprit: cgroupId(2n),
  culpritTime: nanoseconds(4e9),
  throttler: cgroupId(3n),
  throttlerTime: nanoseconds(3e9),
};

test('a wait carries who waited, how long, for which parts, and what it stands for', () => {
  const last = { cgroup: 'kernel', pid: 99, thread: 'kworker' } as const;
  assert.deepEqual(
    waitAttributes(waitEvent({ other: 2e9, idle: 5e8 }, { last, weight: 7, migrated: true })),
    {
      [keys.waitDuration]: 2.5,
      [waitPart('other')]: 2,
      [waitPart('idle')]: 0.5,
      [keys.processId]: 100,
      [keys.threadId]: 101,
      [keys.threadName]: 'worker',
      [keys.cpu]: 3,
      [keys.lastCgroupId]: 'kernel',
      [keys.lastProcessId]: 99,
      [keys.lastThreadName]: 'kworker',
      [keys.weight]: 7,
      [keys.migrated]: true,
    },
  );
});

const culprits = [
  { title: 'who had the CPU', parts: { other: 5e9, throttled: 1e9 }, id: '2', time: 4 },
  { title: 'whose quota had run out', parts: { other: 1e9, throttled: 5e9 }, id: '3', time: 3 },
  // several had the CPU, none as long as the quota lasted: still not the quota’s owner
  { title: 'who had the CPU longest of many', parts: { other: 9e9, throttled: 5e9 }, id: '2', time: 4 },
];
for (const { title, parts, id, time } of culprits)
  test(`the culprit goes with the longer part: ${title}`, () => {
    const attributes = waitAttributes(waitEvent(parts, named));
    assert.equal(attributes[keys.culpritCgroupId], id);
    assert.equal(attributes[keys.culpritTime], time);
  });

test('where another CPU was idle meanwhile is told, and nothing if none is known to have been', () => {
  const attributes = waitAttributes(
    waitEvent({ other: 2e9 }, { idleCpu: { time: nanoseconds(15e8), number: 0 } }),
  );
  assert.deepEqual([attributes[keys.elsewhereIdle], attributes[keys.elsewhereCpu]], [1.5, 0]);
  const nowhere = waitAttributes(waitEvent({ other: 2e9 }, { idleCpu: { time: nanoseconds(0), number: 3 } }));
  assert.ok(!(keys.elsewhereIdle in nowhere) && !(keys.elsewhereCpu in nowhere));
});

test('whoever ran meanwhile is not blamed for a quota whose owner nobody knows', () => {
  const attributes = waitAttributes(
    waitEvent({ other: 1e9, throttled: 5e9 }, { ...named, throttler: undefined }),
  );
  assert.ok(!(keys.culpritCgroupId in attributes));
  assert.ok(!(keys.culpritTime in attributes));
});

/** Processors say who the culprit is, and why. */
const isNamedLater = (key: string) =>
  (key.startsWith('earshot.culprit.') && key !== keys.culpritCgroupId && key !== keys.culpritTime) ||
  new Set<string>([keys.cause, keys.quotaLevel, keys.lastName]).has(key);

test('an event has the attributes of the vocabulary, its parts, and no others', () => {
  const known = new Set<string>(events.wait.attributes);
  const attributes = waitAttributes(
    waitEvent(
      { self: 1, other: 1, kernel: 1, idle: 1, throttled: 1, irq: 1, steal: 1, unknown: 1 },
      {
        ...named,
        last: { cgroup: cgroupId(4n), pid: 1, thread: 'x' },
        idleCpu: { time: nanoseconds(1), number: 0 },
      },
    ),
  );
  assert.deepEqual(
    [...known].filter((key) => !isNamedLater(key)).sort(),
    Object.keys(attributes)
      .filter((key) => known.has(key))
      .sort(),
  );
  const parts = Object.keys(attributes).filter((key) => !known.has(key));
  assert.deepEqual(
    parts.sort(),
    ['idle', 'irq', 'kernel', 'other', 'self', 'steal', 'throttled', 'unknown'].map(waitPart),
  );
});
