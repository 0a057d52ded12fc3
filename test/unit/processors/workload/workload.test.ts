import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Attributes } from '@opentelemetry/api';
import { workload } from '../../../../src/processors/workload/workload.ts';
import { culpritAttributes, lastRunnerAttributes } from '../../../../src/telemetry/attributes/culprit.ts';
import { resourceAttributes } from '../../../../src/telemetry/attributes/resource.ts';
import { waitAttributes } from '../../../../src/telemetry/attributes/wait.ts';
import { workloadAttributes } from '../../../../src/telemetry/attributes/workload.ts';
import { mapBatch, signalNames } from '../../../../src/telemetry/batch.ts';
import { resource, resourceMetrics, sum } from '../../../../src/telemetry/metrics/build.ts';
import { waitMetrics } from '../../../../src/telemetry/metrics/wait.ts';
import { cgroupId, type UnixNanoseconds } from '../../../../src/telemetry/units.ts';
import { batchWith } from '../../batch-with.ts';
import { FakeCgroups } from '../../fake-cgroups.ts';
import { fakeHost } from '../../fake-host.ts';
import { read, workloadSettings } from './fixture.ts';

const id = '3f'.repeat(32);
const uid = 'f6f2d169-f2ae-4afa-95ed-06ff2ed6b288';
const paths = new Map([
  [1n, '/'],
  [2n, `/kubepods/burstable/pod${uid}/${id}`],
  [3n, `/kubepods/burstable/pod${uid}`],
  [4n, '/system.slice/cron.service'],
  [5n, `/kubepods/burstable/pod${uid}/${id}/worker`],
  [6n, '/experiment'],
  [7n, '/default/web'],
  [8n, `/system.slice/docker-${id}.scope`],
  [9n, '/system.slice/cron.service'], // restarted: 4 was it before
]);

const cgroups = new FakeCgroups();
for (const [serial, path] of paths) cgroups.set(cgroupId(serial), path);
const { host } = fakeHost('workload', undefined, cgroups);
const { process, close } = await workload.open(workloadSettings({ hold: '0' }), host);

function describe(of: Attributes, point: Attributes = {}) {
  const interval = { start: 0n as UnixNanoseconds, end: 1n as UnixNanoseconds };
  const metric = sum(waitMetrics.blameTime, interval, [{ value: 1, attributes: point }]);
  const batch = process({ signal: 'metrics', resourceMetrics: [resourceMetrics(resource(of), [metric])] });
  assert.ok(batch.signal === 'metrics');
  const [described] = batch.resourceMetrics;
  return {
    victim: described?.resource.attributes ?? {},
    point: described?.scopeMetrics[0]?.metrics[0]?.dataPoints[0]?.attributes ?? {},
  };
}

const victimOf = (serial: string) =>
  describe({ [resourceAttributes.cgroupId.key]: serial, [resourceAttributes.hostName.key]: 'node' }).victim;
const pointOf = (point: Attributes) => describe({}, point).point;

for (const signal of signalNames)
  test(`${signal}: resource and culprit are named`, () => {
    const named = process(
      mapBatch(batchWith(signal, { victim: ['a'] }), {
        resource: () => resource({ [resourceAttributes.cgroupId.key]: '2' }),
        item: () => ({ [culpritAttributes.cgroupId.key]: '4' }),
      }),
    );
    assert.deepEqual(
      read(named).map(({ victim, points }) => [
        victim[workloadAttributes.containerId.key],
        points.map((point) => point[culpritAttributes.name.key]),
      ]),
      [[id, ['cron.service']]],
    );
  });

test('a container is described by its id, its pod and its path', () => {
  assert.deepEqual(victimOf('2'), {
    [resourceAttributes.hostName.key]: 'node',
    [resourceAttributes.cgroupId.key]: '2',
    [resourceAttributes.cgroupPath.key]: paths.get(2n),
    [workloadAttributes.kind.key]: 'container',
    [workloadAttributes.name.key]: id.slice(0, 12),
    [workloadAttributes.qos.key]: 'burstable',
    [workloadAttributes.containerId.key]: id,
    [workloadAttributes.podUid.key]: uid,
    [resourceAttributes.serviceName.key]: id.slice(0, 12),
    [resourceAttributes.serviceInstanceId.key]: id,
  });
});

const names = [
  ['1', 'root', 'root cgroup'],
  ['3', 'pod', `pod ${uid.slice(0, 8)}`],
  ['4', 'service', 'cron.service'],
  ['6', 'cgroup', '/experiment'],
  ['7', 'container', 'web'],
  ['kernel', 'kernel', 'kernel threads'],
  ['overflow', 'overflow', 'beyond max_workloads'],
  ['99', 'unknown', 'cgroup 99'],
  ['no number', 'unknown', 'cgroup no number'],
] as const;
for (const [serial, kind, name] of names)
  test(`cgroup ${serial} is of kind ${kind}, named “${name}”`, () => {
    const victim = victimOf(serial);
    assert.equal(victim[workloadAttributes.kind.key], kind);
    assert.equal(victim[workloadAttributes.name.key], name);
    assert.equal(victim[resourceAttributes.serviceName.key], name);
  });

test('no two cgroups share a service.instance.id', () => {
  const instances = [...paths.keys(), 99n, 98n].map(
    (serial) => victimOf(String(serial))[resourceAttributes.serviceInstanceId.key],
  );
  // a container has its id wherever it is seen; here two cgroups were given the same one
  assert.equal(new Set(instances).size, instances.length - 1);
  assert.notEqual(
    victimOf('5')[resourceAttributes.serviceInstanceId.key],
    victimOf('2')[resourceAttributes.serviceInstanceId.key],
  );
});

test('the same path on two nodes is two instances', () => {
  const on = (node: string) =>
    describe({ [resourceAttributes.cgroupId.key]: '4', [resourceAttributes.hostName.key]: node }).victim[
      resourceAttributes.serviceInstanceId.key
    ];
  assert.notEqual(on('a'), on('b'));
});

test('a restarted unit is another instance', () => {
  assert.equal(
    victimOf('4')[resourceAttributes.serviceName.key],
    victimOf('9')[resourceAttributes.serviceName.key],
  );
  assert.equal(victimOf('4')[resourceAttributes.serviceInstanceId.key], 'node:/system.slice/cron.service#4');
  assert.equal(victimOf('9')[resourceAttributes.serviceInstanceId.key], 'node:/system.slice/cron.service#9');
});

test('a cgroup is resolved once in a batch, for any number of points', async () => {
  const asked: bigint[] = [];
  const counting = new FakeCgroups();
  counting.path = (of) => void asked.push(of);
  const { host: countingHost } = fakeHost('workload', undefined, counting);
  const { process } = await workload.open(workloadSettings({ hold: '0' }), countingHost);
  const interval = { start: 0n as UnixNanoseconds, end: 1n as UnixNanoseconds };
  const point = {
    value: 1,
    attributes: { [culpritAttributes.cgroupId.key]: '7', [lastRunnerAttributes.cgroupId.key]: '2' },
  };
  const metric = sum(waitMetrics.blameTime, interval, [point, point]);
  const of = resource({ [resourceAttributes.cgroupId.key]: '2' });
  const batch = {
    signal: 'metrics',
    resourceMetrics: [1, 2].map(() => resourceMetrics(of, [metric])),
  } as const;
  process(batch);
  assert.deepEqual(asked.splice(0).sort(), [2n, 2n, 7n, 7n]);
  process(batch);
  assert.deepEqual(asked.sort(), [2n, 2n, 7n, 7n]);
});

test('a resource without a cgroup id is unchanged', () => {
  assert.deepEqual(describe({ [resourceAttributes.serviceName.key]: 'shop' }).victim, {
    [resourceAttributes.serviceName.key]: 'shop',
  });
});

test('a culprit is described like a victim', () => {
  assert.deepEqual(pointOf({ [culpritAttributes.cgroupId.key]: '2', [waitAttributes.class.key]: 'other' }), {
    [waitAttributes.class.key]: 'other',
    [culpritAttributes.cgroupId.key]: '2',
    [culpritAttributes.cgroupPath.key]: paths.get(2n),
    [culpritAttributes.kind.key]: 'container',
    [culpritAttributes.name.key]: id.slice(0, 12),
    [culpritAttributes.containerId.key]: id,
    [culpritAttributes.podUid.key]: uid,
    [culpritAttributes.qos.key]: 'burstable',
  });
  assert.equal(
    pointOf({ [culpritAttributes.cgroupId.key]: '4' })[culpritAttributes.unit.key],
    'cron.service',
  );
});

test('a culprit without a name is unknown', () => {
  assert.equal(pointOf({ [culpritAttributes.cgroupId.key]: '99' })[culpritAttributes.kind.key], 'unknown');
});

test('the culprit "other" is not resolved', () => {
  assert.deepEqual(pointOf({ [culpritAttributes.cgroupId.key]: 'other' }), {
    [culpritAttributes.cgroupId.key]: 'other',
  });
});

test('the last runner is named', () => {
  const lastName = (serial: string) =>
    pointOf({ [lastRunnerAttributes.cgroupId.key]: serial })[lastRunnerAttributes.name.key];
  assert.deepEqual(['4', 'kernel', 'idle', '99'].map(lastName), [
    'cron.service',
    'kernel threads',
    'idle',
    'cgroup 99',
  ]);
});

test('close is idempotent', async () => {
  await close();
  await close();
});
