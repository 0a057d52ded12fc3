import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contention } from '../../../../src/processors/contention/contention.ts';
import { workloadCounters } from '../../../../src/processors/workload/emits.ts';
import { culpritAttributes, lastRunnerAttributes } from '../../../../src/telemetry/attributes/culprit.ts';
import { eventAttributes } from '../../../../src/telemetry/attributes/event.ts';
import { resourceAttributes } from '../../../../src/telemetry/attributes/resource.ts';
import { waitAttributes } from '../../../../src/telemetry/attributes/wait.ts';
import type { Batch } from '../../../../src/telemetry/batch.ts';
import { resource, resourceMetrics, sum } from '../../../../src/telemetry/metrics/build.ts';
import { waitMetrics } from '../../../../src/telemetry/metrics/wait.ts';
import type { UnixNanoseconds } from '../../../../src/telemetry/units.ts';
import { fakeHost } from '../../fake-host.ts';
import { container, containerPath, fixture, pod, read, reading, uid, waits } from './fixture.ts';

const otherUid = '0a0a0a0a-f2ae-4afa-95ed-06ff2ed6b288';
const paths = {
  '1': '/',
  '2': containerPath,
  '3': `/kubepods/burstable/pod${uid}`,
  '4': '/system.slice/cron.service',
  '5': `/kubepods/burstable/pod${otherUid}/${'c0'.repeat(32)}`,
  '6': `/kubepods/burstable/pod${otherUid}/${'d0'.repeat(32)}`,
  '7': '/kubepods/burstable',
  '8': `/kubepods/burstable/pod${uid}/${'e0'.repeat(32)}`,
};

async function sidecar(settings: object = {}, more: object = {}) {
  const all = await fixture({
    paths,
    sources: ['kubelet'],
    settings: { hold: '0', scope: 'pod', pod_uid: uid, ...settings },
    ...more,
  });
  const { facts } = all.source('kubelet');
  facts.upsertPod(pod);
  facts.upsertContainer(container);
  facts.upsertContainer({ ...container, id: 'e0'.repeat(32), name: 'proxy' });
  facts.upsertPod({ uid: otherUid, name: 'secret-pod', namespace: 'secret' });
  return all;
}

const culprit = (id: string, waitClass = 'other') => ({
  [culpritAttributes.cgroupId.key]: id,
  [waitAttributes.class.key]: waitClass,
});

test('a sidecar reports its own pod and counts excluded items', async () => {
  const { processor, counted } = await sidecar();
  const kinds = read(processor.process(reading(['2'], ['3'], ['4'], ['5'], ['9'], ['8'])));
  assert.deepEqual(
    kinds.map(({ victim }) => victim[resourceAttributes.cgroupId.key]),
    ['2', '3', '8'],
  );
  assert.deepEqual(counted(workloadCounters.excluded.name), { scope: 3 });
});

test('of a neighbor only kind and cause are shown', async () => {
  const { processor } = await sidecar();
  const event = {
    ...culprit('5'),
    [eventAttributes.culpritTime.key]: 1,
    [lastRunnerAttributes.cgroupId.key]: '6',
    [lastRunnerAttributes.processId.key]: 4711,
    [lastRunnerAttributes.threadName.key]: 'secret',
    [eventAttributes.threadName.key]: 'own',
  };
  const [named] = read(processor.process(waits(['2', event])));
  assert.deepEqual(named?.points, [
    {
      [waitAttributes.class.key]: 'other',
      [culpritAttributes.kind.key]: 'container',
      [eventAttributes.culpritTime.key]: 1,
      [eventAttributes.threadName.key]: 'own',
    },
  ]);
});

test('the own pod, the kernel and cgroups above the pod are shown', async () => {
  const { processor } = await sidecar();
  const names = ['8', '3', 'kernel', '7', '1'].map((id) => {
    const [named] = read(processor.process(reading(['2', culprit(id, 'throttled')])));
    return named?.points[0]?.[culpritAttributes.name.key];
  });
  assert.deepEqual(names, [
    'shop/web-7d4b9c5f6-x2x4z/proxy',
    'shop/web-7d4b9c5f6-x2x4z',
    'kernel threads',
    '/kubepods/burstable',
    'root cgroup',
  ]);
});

test('neighbors are named if configured', async () => {
  const { processor } = await sidecar({ neighbors: 'named' });
  const [named] = read(processor.process(reading(['2', culprit('5')])));
  assert.equal(named?.points[0]?.[culpritAttributes.podName.key], 'secret-pod');
  assert.equal(named?.points[0]?.[culpritAttributes.cgroupId.key], '5');
});

const interval = { start: 0n as UnixNanoseconds, end: 1n as UnixNanoseconds };

test('points that become equal are added up, and causes are found all the same', async () => {
  const { processor } = await sidecar();
  const points = (...of: readonly (readonly [string, number])[]) =>
    of.map(([id, value]) => ({ value, attributes: culprit(id) }));
  const batch: Batch = {
    signal: 'metrics',
    resourceMetrics: [
      resourceMetrics(resource({ [resourceAttributes.cgroupId.key]: '2' }), [
        sum(waitMetrics.blameTime, interval, points(['5', 1], ['6', 2], ['4', 4], ['8', 8])),
        sum(waitMetrics.preemptions, interval, points(['5', 3], ['6', 4])),
        sum(waitMetrics.lastRunnerTime, interval, [
          { value: 5, attributes: { [culpritAttributes.cgroupId.key]: '5' } },
          { value: 6, attributes: { [culpritAttributes.cgroupId.key]: '6' } },
        ]),
      ]),
    ],
  };
  const causes = await contention.open({}, fakeHost('contention').host);
  const named = causes.process(processor.process(batch));
  assert.ok(named.signal === 'metrics');
  const values = named.resourceMetrics[0]?.scopeMetrics[0]?.metrics.map(({ dataPoints }) =>
    dataPoints.map(({ attributes, value }) => [
      attributes[waitAttributes.cause.key],
      attributes[culpritAttributes.kind.key],
      value,
    ]),
  );
  assert.deepEqual(values, [
    [
      ['neighbor', 'container', 3],
      ['system', 'service', 4],
      ['sibling', 'container', 8],
    ],
    [['neighbor', 'container', 7]],
    [[undefined, 'container', 11]],
  ]);
});

test('the own pod is found by the own cgroup', async () => {
  const { processor } = await sidecar({ pod_uid: undefined }, { own: '8' });
  assert.equal(read(processor.process(reading(['2'], ['5']))).length, 1);
});

test('a sidecar without a known pod does not start', async () => {
  await assert.rejects(sidecar({ pod_uid: '' }), /cannot keep to the own pod: .*pod_uid/);
  await assert.rejects(sidecar({ pod_uid: '' }, { own: '4' }), /cannot keep to the own pod/);
});
