import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Attributes } from '@opentelemetry/api';
import { workload } from '../../../../src/processors/workload/workload.ts';
import { RecordedCgroups } from '../../../../src/receivers/scheduler/recording.ts';
import { resource, resourceMetrics, sum } from '../../../../src/telemetry/metrics/build.ts';
import { cgroupId, type UnixNanoseconds } from '../../../../src/telemetry/units.ts';
import { attributes as keys, metrics } from '../../../../src/telemetry/vocabulary.ts';
import { fakeHost } from '../../fake-host.ts';
import { noCgroups } from '../../fake-kernel.ts';
import { workloadSettings } from './fixture.ts';

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

const cgroups = new RecordedCgroups();
for (const [serial, path] of paths) cgroups.learn({ kind: 'seen', id: cgroupId(serial), path });
const { host } = fakeHost('workload');
const { process, close } = await workload.open(workloadSettings({ hold: '0' }), {
  ...host,
  kernel: { ...host.kernel, cgroups },
});

function describe(of: Attributes, point: Attributes = {}) {
  const interval = { start: 0n as UnixNanoseconds, end: 1n as UnixNanoseconds };
  const metric = sum(metrics.blameTime, interval, [{ value: 1, attributes: point }]);
  const batch = process({ signal: 'metrics', resourceMetrics: [resourceMetrics(resource(of), [metric])] });
  assert.ok(batch.signal === 'metrics');
  const [described] = batch.resourceMetrics;
  return {
    victim: described?.resource.attributes ?? {},
    point: described?.scopeMetrics[0]?.metrics[0]?.dataPoints[0]?.attributes ?? {},
  };
}

const victimOf = (serial: string) => describe({ [keys.cgroupId]: serial, [keys.hostName]: 'node' }).victim;
const pointOf = (point: Attributes) => describe({}, point).point;

test('a container is described by its id, its pod and its path', () => {
  assert.deepEqual(victimOf('2'), {
    [keys.hostName]: 'node',
    [keys.cgroupId]: '2',
    [keys.cgroupPath]: paths.get(2n),
    [keys.workloadKind]: 'container',
    [keys.workloadName]: id.slice(0, 12),
    [keys.workloadQos]: 'burstable',
    [keys.containerId]: id,
    [keys.podUid]: uid,
    [keys.serviceName]: id.slice(0, 12),
    [keys.serviceInstanceId]: id,
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
  test(`cgroup ${serial} is of the kind ${kind} and called “${name}”`, () => {
    const victim = victimOf(serial);
    assert.equal(victim[keys.workloadKind], kind);
    assert.equal(victim[keys.workloadName], name);
    assert.equal(victim[keys.serviceName], name);
  });

test('no two cgroups share a service.instance.id', () => {
  const instances = [...paths.keys(), 99n, 98n].map(
    (serial) => victimOf(String(serial))[keys.serviceInstanceId],
  );
  // a container has its id wherever it is seen; here two cgroups were given the same one
  assert.equal(new Set(instances).size, instances.length - 1);
  assert.notEqual(victimOf('5')[keys.serviceInstanceId], victimOf('2')[keys.serviceInstanceId]);
});

test('the same path on two nodes is two instances', () => {
  const on = (node: string) =>
    describe({ [keys.cgroupId]: '4', [keys.hostName]: node }).victim[keys.serviceInstanceId];
  assert.notEqual(on('a'), on('b'));
});

test('a unit that was restarted is another instance', () => {
  assert.equal(victimOf('4')[keys.serviceName], victimOf('9')[keys.serviceName]);
  assert.equal(victimOf('4')[keys.serviceInstanceId], 'node:/system.slice/cron.service#4');
  assert.equal(victimOf('9')[keys.serviceInstanceId], 'node:/system.slice/cron.service#9');
});

test('however many points name a cgroup, it is looked for once and named once in a batch', async () => {
  const asked: bigint[] = [];
  const counting = { ...noCgroups, path: (of: bigint) => void asked.push(of) };
  const { process } = await workload.open(workloadSettings({ hold: '0' }), {
    ...fakeHost('workload').host,
    kernel: { ...host.kernel, cgroups: counting },
  });
  const interval = { start: 0n as UnixNanoseconds, end: 1n as UnixNanoseconds };
  const point = { value: 1, attributes: { [keys.culpritCgroupId]: '7', [keys.lastCgroupId]: '2' } };
  const metric = sum(metrics.blameTime, interval, [point, point]);
  const of = resource({ [keys.cgroupId]: '2' });
  const batch = {
    signal: 'metrics',
    resourceMetrics: [1, 2].map(() => resourceMetrics(of, [metric])),
  } as const;
  process(batch);
  assert.deepEqual(asked.splice(0).sort(), [2n, 2n, 7n, 7n]);
  process(batch);
  assert.deepEqual(asked.sort(), [2n, 2n, 7n, 7n]);
});

test('a resource that is about no cgroup stays as it is', () => {
  assert.deepEqual(describe({ [keys.serviceName]: 'shop' }).victim, { [keys.serviceName]: 'shop' });
});

test('a culprit is described like a victim', () => {
  assert.deepEqual(pointOf({ [keys.culpritCgroupId]: '2', [keys.waitClass]: 'other' }), {
    [keys.waitClass]: 'other',
    [keys.culpritCgroupId]: '2',
    [keys.culpritCgroupPath]: paths.get(2n),
    [keys.culpritKind]: 'container',
    [keys.culpritName]: id.slice(0, 12),
    [keys.culpritContainerId]: id,
    [keys.culpritPodUid]: uid,
    [keys.culpritQos]: 'burstable',
  });
  assert.equal(pointOf({ [keys.culpritCgroupId]: '4' })[keys.culpritUnit], 'cron.service');
});

test('a culprit nobody can name says so', () => {
  assert.equal(pointOf({ [keys.culpritCgroupId]: '99' })[keys.culpritKind], 'unknown');
});

test('the sum of all beyond the named culprits is nobody', () => {
  assert.deepEqual(pointOf({ [keys.culpritCgroupId]: 'other' }), { [keys.culpritCgroupId]: 'other' });
});

test('who ran last before is named', () => {
  const lastName = (serial: string) => pointOf({ [keys.lastCgroupId]: serial })[keys.lastName];
  assert.deepEqual(['4', 'kernel', 'idle', '99'].map(lastName), [
    'cron.service',
    'kernel threads',
    'idle',
    'cgroup 99',
  ]);
});

test('closing may be said twice', async () => {
  await close();
  await close();
});
