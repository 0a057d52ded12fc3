import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Attributes } from '@opentelemetry/api';
import { causeOf } from '../../../../src/processors/contention/cause.ts';
import { culpritAttributes, otherCulprit } from '../../../../src/telemetry/attributes/culprit.ts';
import { resourceAttributes } from '../../../../src/telemetry/attributes/resource.ts';
import { type Cause, causes } from '../../../../src/telemetry/attributes/wait.ts';
import { workloadAttributes } from '../../../../src/telemetry/attributes/workload.ts';
import { culprit, victim } from './fixture.ts';

const contenders: readonly { title: string; of: Attributes; cause: Cause }[] = [
  {
    title: 'a cgroup inside the same container',
    of: culprit('container', { container: 'c1', pod: 'A' }),
    cause: 'self',
  },
  {
    title: 'another container of the same pod',
    of: culprit('container', { container: 'c2', pod: 'A' }),
    cause: 'sibling',
  },
  { title: 'the pod’s own cgroup', of: culprit('pod', { pod: 'A' }), cause: 'sibling' },
  {
    title: 'a container of another pod',
    of: culprit('container', { container: 'c9', pod: 'B' }),
    cause: 'neighbor',
  },
  { title: 'a container without a pod', of: culprit('container', { container: 'c9' }), cause: 'neighbor' },
  { title: 'another pod’s own cgroup', of: culprit('pod', { pod: 'B' }), cause: 'neighbor' },
  { title: 'a cgroup of no known layout', of: culprit('cgroup'), cause: 'neighbor' },
  { title: 'kernel threads', of: culprit('kernel'), cause: 'kernel' },
  { title: 'a systemd service', of: culprit('service', { unit: 'x.service' }), cause: 'system' },
  { title: 'a user session', of: culprit('user'), cause: 'system' },
  { title: 'a systemd scope', of: culprit('scope'), cause: 'system' },
  { title: 'a slice', of: culprit('slice'), cause: 'system' },
  { title: 'the root cgroup', of: culprit('root'), cause: 'system' },
  { title: 'a cgroup without a name', of: culprit('unknown'), cause: 'unknown' },
  { title: 'those beyond max_workloads', of: culprit('overflow'), cause: 'unknown' },
  {
    title: 'all beyond the named culprits',
    of: { [culpritAttributes.cgroupId.key]: otherCulprit },
    cause: 'unknown',
  },
  { title: 'none', of: {}, cause: 'unknown' },
];
for (const { title, of, cause } of contenders)
  test(`class other, culprit ${title}: ${cause}`, () => {
    assert.equal(causeOf('other', victim, of), cause);
  });

test('two workloads without container and pod are distinct', () => {
  assert.equal(causeOf('other', { [resourceAttributes.cgroupPath.key]: '/a' }, culprit('service')), 'system');
});

const unit = {
  [workloadAttributes.unit.key]: 'x.service',
  [resourceAttributes.cgroupPath.key]: '/system.slice/x.service',
};

test('a cgroup below the same systemd unit is the unit itself', () => {
  const child = culprit('service', { unit: 'x.service', path: '/system.slice/x.service/worker' });
  assert.equal(causeOf('other', unit, child), 'self');
  assert.equal(causeOf('other', unit, culprit('service', { unit: 'y.service' })), 'system');
});

test('units of the same name of two users are distinct', () => {
  const [one, two] = [1, 2].map((id) => `/user.slice/user-${id}.slice/user@${id}.service/init.scope`);
  const of = {
    [workloadAttributes.unit.key]: 'init.scope',
    ...(one && { [resourceAttributes.cgroupPath.key]: one }),
  };
  assert.equal(
    causeOf('other', of, culprit('user', { unit: 'init.scope', ...(two && { path: two }) })),
    'system',
  );
});

const owners: readonly { title: string; of: Attributes; victim?: Attributes; cause: Cause }[] = [
  {
    title: 'its own cgroup',
    of: culprit('container', { container: 'c1', pod: 'A', path: '/kubepods/burstable/podA/c1' }),
    cause: 'throttled',
  },
  {
    title: 'its container',
    of: culprit('container', { container: 'c1', path: '/above' }),
    cause: 'throttled',
  },
  {
    title: 'its pod',
    of: culprit('pod', { pod: 'A', path: '/kubepods/burstable/podA' }),
    cause: 'throttled',
  },
  {
    title: 'its unit',
    of: culprit('service', { unit: 'x.service', path: '/system.slice/x.service' }),
    victim: {
      [workloadAttributes.unit.key]: 'x.service',
      [resourceAttributes.cgroupPath.key]: '/system.slice/x.service/worker',
    },
    cause: 'throttled',
  },
  {
    title: 'its QoS class',
    of: culprit('cgroup', { path: '/kubepods/burstable' }),
    cause: 'throttled_ancestor',
  },
  {
    title: 'a slice above',
    of: culprit('slice', { unit: 'batch.slice', path: '/batch.slice' }),
    victim: {
      [workloadAttributes.unit.key]: 'x.service',
      [resourceAttributes.cgroupPath.key]: '/batch.slice/x.service',
    },
    cause: 'throttled_ancestor',
  },
  { title: 'a cgroup without a name', of: culprit('unknown'), cause: 'unknown' },
  { title: 'an unknown cgroup', of: {}, cause: 'unknown' },
];
for (const { title, of, victim: waiting = victim, cause } of owners)
  test(`class throttled, quota of ${title}: ${cause}`, () => {
    assert.equal(causeOf('throttled', waiting, of), cause);
  });

for (const plain of ['self', 'kernel', 'idle', 'irq', 'steal', 'unknown'] as const)
  test(`time of the class ${plain} needs no culprit`, () => {
    assert.equal(causeOf(plain, victim, culprit('container', { container: 'c9' })), plain);
  });

test('an undeclared class has the cause unknown', () => {
  assert.equal(causeOf('new', victim, {}), 'unknown');
  assert.equal(causeOf('constructor', victim, {}), 'unknown');
});

// --- metrics

test('every cause is reached', () => {
  const reached = new Set<Cause>([
    ...contenders.map(({ cause }) => cause),
    ...owners.map(({ cause }) => cause),
    ...(['idle', 'irq', 'steal'] as const),
  ]);
  assert.deepEqual(
    [...causes].filter((cause) => !reached.has(cause)),
    [],
  );
});
