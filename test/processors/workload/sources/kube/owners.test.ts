import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deriveOwner } from '../../../../../src/processors/workload/sources/kube/owners.ts';

const derived = [
  ['ReplicaSet', 'web-7d4b9c3f58', { 'pod-template-hash': '7d4b9c3f58' }, 'Deployment', 'web'],
  ['ReplicaSet', 'a-b-7d4b9c3f58', { 'pod-template-hash': '7d4b9c3f58' }, 'Deployment', 'a-b'],
  ['Job', 'backup-29396160', {}, 'CronJob', 'backup'],
  ['Job', 'backup-1600000000', {}, 'CronJob', 'backup'],
] as const;
for (const [kind, name, labels, ownerKind, ownerName] of derived)
  test(`the ${kind} ${name} is that of the ${ownerKind} ${ownerName}`, () => {
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
