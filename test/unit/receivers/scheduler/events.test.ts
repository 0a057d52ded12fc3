import assert from 'node:assert/strict';
import { test } from 'node:test';
import { waitEvent as declared } from '../../../../src/receivers/scheduler/emits.ts';
import { describeWait } from '../../../../src/receivers/scheduler/events.ts';
import { culpritAttributes, lastRunnerAttributes } from '../../../../src/telemetry/attributes/culprit.ts';
import { eventAttributes } from '../../../../src/telemetry/attributes/event.ts';
import { waitAttributes, waitPart } from '../../../../src/telemetry/attributes/wait.ts';
import { cgroupId, nanoseconds } from '../../../../src/telemetry/units.ts';
import { waitEvent } from './readings.ts';

const named = {
  culprit: cgroupId(2n),
  culpritTime: nanoseconds(4e9),
  throttler: cgroupId(3n),
  throttlerTime: nanoseconds(3e9),
};

test('a wait has its victim, duration, parts and weight', () => {
  const last = { cgroup: 'kernel', pid: 99, thread: 'kworker' } as const;
  assert.deepEqual(describeWait(waitEvent({ other: 2e9, idle: 5e8 }, { last, weight: 7, migrated: true })), {
    [eventAttributes.duration.key]: 2.5,
    [waitPart('other')]: 2,
    [waitPart('idle')]: 0.5,
    [eventAttributes.processId.key]: 100,
    [eventAttributes.threadId.key]: 101,
    [eventAttributes.threadName.key]: 'worker',
    [eventAttributes.cpu.key]: 3,
    [lastRunnerAttributes.cgroupId.key]: 'kernel',
    [lastRunnerAttributes.processId.key]: 99,
    [lastRunnerAttributes.threadName.key]: 'kworker',
    [eventAttributes.weight.key]: 7,
    [eventAttributes.migrated.key]: true,
  });
});

const culprits = [
  { title: 'the cgroup that had the CPU', parts: { other: 5e9, throttled: 1e9 }, id: '2', time: 4 },
  { title: 'whose quota had run out', parts: { other: 1e9, throttled: 5e9 }, id: '3', time: 3 },
  // several had the CPU, none as long as the quota lasted: still not the quota’s owner
  {
    title: 'the cgroup that had the CPU longest of many',
    parts: { other: 9e9, throttled: 5e9 },
    id: '2',
    time: 4,
  },
];
for (const { title, parts, id, time } of culprits)
  test(`the culprit goes with the longer part: ${title}`, () => {
    const attributes = describeWait(waitEvent(parts, named));
    assert.equal(attributes[culpritAttributes.cgroupId.key], id);
    assert.equal(attributes[eventAttributes.culpritTime.key], time);
  });

test('an idle CPU is reported with its time, and absent if none is known', () => {
  const attributes = describeWait(
    waitEvent({ other: 2e9 }, { idleCpu: { time: nanoseconds(15e8), number: 0 } }),
  );
  assert.deepEqual(
    [attributes[eventAttributes.idleCpuTime.key], attributes[eventAttributes.idleCpuNumber.key]],
    [1.5, 0],
  );
  const nowhere = describeWait(waitEvent({ other: 2e9 }, { idleCpu: { time: nanoseconds(0), number: 3 } }));
  assert.ok(!(eventAttributes.idleCpuTime.key in nowhere) && !(eventAttributes.idleCpuNumber.key in nowhere));
});

test("a quota with an unknown owner has no culprit, independent of the CPU's history", () => {
  const attributes = describeWait(
    waitEvent({ other: 1e9, throttled: 5e9 }, { ...named, throttler: undefined }),
  );
  assert.ok(!(culpritAttributes.cgroupId.key in attributes));
  assert.ok(!(eventAttributes.culpritTime.key in attributes));
});

/** Processors add the name of the culprit, and the cause. */
const isNamedLater = (key: string) =>
  (key.startsWith('earshot.culprit.') &&
    key !== culpritAttributes.cgroupId.key &&
    key !== eventAttributes.culpritTime.key) ||
  new Set<string>([
    waitAttributes.cause.key,
    waitAttributes.quotaLevel.key,
    lastRunnerAttributes.name.key,
  ]).has(key);

test('an event has its declared attributes, its parts and no others', () => {
  const known = new Set<string>(declared.attributes.map(({ key }) => key));
  const attributes = describeWait(
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
