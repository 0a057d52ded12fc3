import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { pino } from 'pino';
import { Condition } from '../../../../src/identity/kubernetes/condition.ts';
import { OwnerLookup } from '../../../../src/identity/kubernetes/owner-lookup.ts';
import { deriveOwner } from '../../../../src/identity/owners.ts';
import { createCounters } from '../../../../src/telemetry/counters.ts';
import { nanoseconds } from '../../../../src/telemetry/units.ts';
import { memoryFacts } from '../memory-facts.ts';

const derived = [
  ['ReplicaSet', 'web-7d4b9c3f58', { 'pod-template-hash': '7d4b9c3f58' }, 'Deployment', 'web'],
  ['ReplicaSet', 'a-b-7d4b9c3f58', { 'pod-template-hash': '7d4b9c3f58' }, 'Deployment', 'a-b'],
  ['Job', 'backup-29396160', {}, 'CronJob', 'backup'],
  ['Job', 'backup-1600000000', {}, 'CronJob', 'backup'],
] as const;
for (const [kind, name, labels, ownerKind, ownerName] of derived)
  test(`the ${kind} ${name} derives from the ${ownerKind} ${ownerName}`, () => {
    assert.deepEqual(deriveOwner({ uid: 'u', labels, owners: [{ kind, name }] }), {
      kind: ownerKind,
      name: ownerName,
    });
  });

const alone = [
  ['ReplicaSet', 'web-7d4b9c3f58', {}],
  ['ReplicaSet', 'web', { 'pod-template-hash': '7d4b9c3f58' }],
  ['ReplicaSet', '-7d4b9c3f58', { 'pod-template-hash': '7d4b9c3f58' }],
  ['ReplicaSet', 'web-undefined', undefined],
  ['Job', 'backup', {}],
  ['Job', 'import-2024', {}],
  ['Job', 'import-20240101', {}],
  ['StatefulSet', 'db-29396160', {}],
] as const;
for (const [kind, name, labels] of alone)
  test(`nothing is derived from the ${kind} ${name} with the labels ${JSON.stringify(labels)}`, () => {
    assert.equal(deriveOwner({ uid: 'u', ...(labels && { labels }), owners: [{ kind, name }] }), undefined);
  });

test('least recently used owners are evicted, and looked up again on use', async () => {
  const context = {
    log: pino({ level: 'silent' }),
    counters: createCounters(),
    facts: memoryFacts(),
    elapsed: () => nanoseconds(0),
    random: () => 0.5,
  };
  const asked: string[] = [];
  const owners = new OwnerLookup({
    get: async (path) => {
      asked.push(path);
      return { metadata: { uid: path.split('/').at(-1) } };
    },
    context,
    condition: new Condition('kubernetes', context),
    onFound: () => {},
  });
  const lookUp = async (i: number) => {
    owners.complete({
      uid: 'u',
      namespace: 'n',
      owners: [{ kind: 'Job', name: `job-${i}`, uid: `job-${i}` }],
    });
    owners.tick();
    await setImmediate();
  };
  for (let i = 0; i < 2048; i++) await lookUp(i);
  await lookUp(0);
  assert.equal(asked.length, 2048, 'all are remembered');
  await lookUp(2048);
  await lookUp(0);
  assert.equal(asked.length, 2049, 'the one met again is not the oldest');
  await lookUp(1);
  assert.equal(asked.length, 2050);
  assert.equal(asked.at(-1), '/apis/batch/v1/namespaces/n/jobs/job-1');
});
