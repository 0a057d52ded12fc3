import assert from 'node:assert/strict';
import { test } from 'node:test';
import { workloadCounters } from '../../../../src/processors/workload/emits.ts';
import { culpritAttributes, lastRunnerAttributes } from '../../../../src/telemetry/attributes/culprit.ts';
import { resourceAttributes } from '../../../../src/telemetry/attributes/resource.ts';
import { workloadAttributes } from '../../../../src/telemetry/attributes/workload.ts';
import { itemCount } from '../../../../src/telemetry/batch.ts';
import { container, containerId, containerPath, fixture, pod, read, reading, uid, waits } from './fixture.ts';

const paths = { '2': containerPath, '4': '/system.slice/cron.service', '6': `/docker/${containerId}` };
const culprit = (id: string) => ({ [culpritAttributes.cgroupId.key]: id });
const victimName = (batch: Parameters<typeof read>[0]) =>
  read(batch).map(({ victim }) => victim[workloadAttributes.name.key]);

test('a batch with a pending name is held until the name is known', async () => {
  const { processor, source, pull, counted } = await fixture({ paths, sources: ['cri'] });
  const cri = source('cri');
  assert.equal(itemCount(processor.process(reading(['2']))), 0);
  assert.deepEqual(cri.requested, [{ containerId, podUid: uid }], 'asked for at once');
  assert.deepEqual(pull(), []);
  cri.facts.upsertPod(pod);
  cri.facts.upsertContainer(container);
  assert.deepEqual(pull().flatMap(victimName), ['shop/web-7d4b9c5f6-x2x4z/app']);
  assert.deepEqual(pull(), []);
  assert.deepEqual(counted(workloadCounters.held.name), { '': 1 });
  assert.deepEqual(counted(workloadCounters.released.name), { named: 1 });
  assert.deepEqual(counted(workloadCounters.identified.name), { 'victim named': 1 });
});

test('a culprit and a last runner may be pending too', async () => {
  for (const point of [culprit('2'), { [lastRunnerAttributes.cgroupId.key]: '2' }]) {
    const { processor, source, pull } = await fixture({ paths, sources: ['cri'] });
    assert.equal(itemCount(processor.process(waits(['4', point]))), 0);
    source('cri').facts.upsertPod(pod);
    source('cri').facts.upsertContainer(container);
    const [released] = pull();
    assert.ok(released);
    const [named] = read(released)[0]?.points ?? [];
    assert.equal(
      named?.[culpritAttributes.name.key] ?? named?.[lastRunnerAttributes.name.key],
      'shop/web-7d4b9c5f6-x2x4z/app',
    );
  }
});

test('a cgroup without a path is pending even without a source', async () => {
  const { processor, pull, learn } = await fixture();
  assert.equal(itemCount(processor.process(reading(['4']))), 0);
  assert.deepEqual(pull(), []);
  learn('4', '/system.slice/cron.service');
  assert.deepEqual(pull().flatMap(victimName), ['cron.service']);
});

test('after the hold a batch goes on with the names known', async () => {
  const { processor, pull, pass, counted } = await fixture({ paths, sources: ['cri'] });
  processor.process(reading(['2', culprit('9')]));
  pass(2.9);
  assert.deepEqual(pull(), []);
  pass(0.1);
  const [batch] = pull();
  assert.ok(batch);
  const [{ victim, points } = assert.fail()] = read(batch);
  assert.equal(victim[workloadAttributes.containerId.key], containerId);
  assert.equal(victim[workloadAttributes.name.key], containerId.slice(0, 12));
  assert.deepEqual(points, [
    {
      [culpritAttributes.cgroupId.key]: '9',
      [culpritAttributes.kind.key]: 'unknown',
      [culpritAttributes.name.key]: 'cgroup 9',
    },
  ]);
  assert.deepEqual(counted(workloadCounters.identified.name), {
    'victim path_only': 1,
    'culprit unknown': 1,
  });
  assert.deepEqual(counted(workloadCounters.released.name), { expired: 1 });
});

test('a cgroup without any name is pending once', async () => {
  const { processor, source, pull, pass } = await fixture({ paths, sources: ['cri'] });
  processor.process(reading(['2']));
  pass(3);
  assert.equal(pull().length, 1);
  assert.equal(itemCount(processor.process(reading(['2']))), 1);
  pass(600);
  assert.equal(itemCount(processor.process(reading(['2']))), 1);
  source('cri').facts.upsertPod(pod);
  source('cri').facts.upsertContainer(container);
  assert.deepEqual(
    victimName(processor.process(reading(['2']))),
    ['shop/web-7d4b9c5f6-x2x4z/app'],
    'named at once',
  );
});

test('a cgroup that never gets a path is pending once', async () => {
  const { processor, pull, pass } = await fixture();
  processor.process(reading(['9']));
  pass(3);
  assert.deepEqual(pull().flatMap(victimName), ['cgroup 9']);
  assert.deepEqual(victimName(processor.process(reading(['9']))), ['cgroup 9']);
});

test('a lookup is requested again while the name stays pending', async () => {
  const { processor, source, pull, pass } = await fixture({ paths, sources: ['cri'] });
  processor.process(reading(['2']));
  pull();
  pass(0.25);
  pull();
  assert.equal(source('cri').requested.length, 1);
  pass(0.25);
  pull();
  assert.equal(source('cri').requested.length, 2);
});

for (const [state, isWaited] of [
  ['connecting', true],
  ['ready', true],
  ['absent', false],
  ['failing', false],
] as const)
  test(`where the only source is ${state}, a name is ${isWaited ? '' : 'not '}waited for`, async () => {
    const { processor, source } = await fixture({ paths, sources: ['cri'] });
    source('cri').state = state;
    assert.equal(itemCount(processor.process(reading(['2']))), isWaited ? 0 : 1);
  });

test('a pod is pending for each source that knows owners, a container for one', async () => {
  const { processor, source, pull } = await fixture({ paths, sources: ['cri', 'kubelet', 'docker'] });
  processor.process(reading(['2']));
  source('cri').facts.upsertPod({ uid, name: pod.name ?? '', namespace: 'shop' });
  source('cri').facts.upsertContainer(container);
  assert.deepEqual(pull(), [], 'or service.name would change as soon as the owner is known');
  source('kubelet').facts.upsertPod(pod);
  const [batch] = pull();
  assert.equal(batch && read(batch)[0]?.victim[workloadAttributes.deploymentName.key], 'web');
});

test('without a runtime as source, an unlisted container is the pause container, but only after the hold', async () => {
  const pause = 'e0'.repeat(32);
  const { processor, source, pull, pass } = await fixture({
    paths: { '3': `/kubepods/burstable/pod${uid}/${pause}` },
    sources: ['kubelet'],
  });
  const { facts } = source('kubelet');
  facts.upsertPod(pod);
  facts.upsertContainer(container);
  assert.equal(itemCount(processor.process(reading(['3']))), 0, 'it may be a new one');
  assert.deepEqual(source('kubelet').requested, [{ containerId: pause, podUid: uid }]);
  pass(3);
  const [{ victim } = assert.fail()] = pull().flatMap(read);
  assert.equal(victim[workloadAttributes.kind.key], 'pod');
  assert.equal(victim[workloadAttributes.name.key], 'shop/web-7d4b9c5f6-x2x4z');
  assert.equal(victim[workloadAttributes.containerId.key], undefined);
  facts.upsertContainer({ ...container, id: pause, name: 'late' });
  assert.deepEqual(victimName(processor.process(reading(['3']))), ['shop/web-7d4b9c5f6-x2x4z/late']);
});

test('a container within a container is no pause container', async () => {
  const inner = 'e0'.repeat(32);
  const { processor, source } = await fixture({
    paths: { '5': `${containerPath}/docker/${inner}` },
    sources: ['kubelet'],
    settings: { hold: '0' },
  });
  source('kubelet').facts.upsertPod(pod);
  source('kubelet').facts.upsertContainer(container);
  const [{ victim } = assert.fail()] = read(processor.process(reading(['5'])));
  assert.equal(victim[workloadAttributes.containerId.key], inner);
  assert.equal(victim[workloadAttributes.kind.key], 'container');
});

test('a container outside a pod is pending only for sources of its runtime', async () => {
  const { processor, source } = await fixture({
    paths: { ...paths, '7': `/machine.slice/libpod-${containerId}.scope` },
    sources: ['kubelet', 'cri', 'docker'],
  });
  assert.equal(itemCount(processor.process(reading(['7']))), 1, 'Podman is not there');
  assert.equal(itemCount(processor.process(reading(['6']))), 0);
  assert.equal(source('docker').requested.length, 1);
  assert.equal(source('cri').requested.length, 0);
});

test('a container whose id is a chosen name is not pending', async () => {
  const { processor, source } = await fixture({ paths: { '7': '/default/web' }, sources: ['cri'] });
  assert.deepEqual(victimName(processor.process(reading(['7']))), ['web']);
  assert.deepEqual(source('cri').requested, []);
});

test('with hold 0 no batch waits, and lookups are requested', async () => {
  const { processor, source } = await fixture({ paths, sources: ['cri'], settings: { hold: '0' } });
  assert.equal(itemCount(processor.process(reading(['2']))), 1);
  assert.equal(source('cri').requested.length, 1);
});

test('a held batch stays whole, and later ones wait behind it', async () => {
  const { processor, source, pull } = await fixture({ paths, sources: ['cri'] });
  assert.equal(itemCount(processor.process(reading(['4'], ['2'], ['4', culprit('2')]))), 0);
  assert.equal(itemCount(processor.process(reading(['4']))), 0);
  source('cri').facts.upsertPod(pod);
  source('cri').facts.upsertContainer(container);
  assert.deepEqual(pull().map(victimName), [
    ['cron.service', 'shop/web-7d4b9c5f6-x2x4z/app', 'cron.service'],
    ['cron.service'],
  ]);
});

test('above max_held the oldest batch goes on unnamed', async () => {
  const { processor, counted } = await fixture({ paths, sources: ['cri'], settings: { max_held: 2 } });
  processor.process(waits(['2'], ['2']));
  const batch = processor.process(waits(['4']));
  assert.deepEqual(victimName(batch), [containerId.slice(0, 12), containerId.slice(0, 12)]);
  assert.deepEqual(counted(workloadCounters.released.name), { limit: 2 });
});

test('flush releases everything held', async () => {
  const { processor } = await fixture({ paths, sources: ['cri'] });
  processor.process(reading(['2']));
  processor.process(reading(['4']));
  assert.deepEqual(processor.flush?.().flatMap(victimName), [containerId.slice(0, 12), 'cron.service']);
  assert.deepEqual(processor.flush?.(), []);
});

test('cgroups that come with paths, as those of a recording, request no lookup', async () => {
  const { processor, source } = await fixture({ paths, sources: ['cri'] });
  const replayed = {
    [resourceAttributes.cgroupPath.key]: paths['2'] ?? '',
    [resourceAttributes.recording.key]: 'somewhere else',
  };
  const blamed = { [culpritAttributes.cgroupPath.key]: paths['2'] ?? '' };
  assert.equal(itemCount(processor.process(reading([replayed, blamed]))), 1);
  assert.deepEqual(source('cri').requested, []);
});

test('an absent source is warned of once if configured, and not by default', async () => {
  for (const [settings, lines] of [
    [{ sources: ['cri'] }, 1],
    [{}, 0],
  ] as const) {
    const { source, pull, pass, logged } = await fixture({ sources: ['cri'], settings });
    source('cri').state = 'absent';
    for (let i = 0; i < 3; i++, pass(1)) pull();
    assert.equal(logged.filter((line) => line.includes('no names from cri')).length, lines);
  }
});

test('a log record is named by the owner of the cgroup id at its time', async () => {
  const asked: (bigint | undefined)[] = [];
  const { processor } = await fixture({
    path: (_, at) => {
      asked.push(at);
      return '/system.slice/cron.service';
    },
  });
  processor.process(waits(['4']));
  processor.process(reading(['4']));
  assert.ok(asked.length >= 2);
  assert.ok(
    asked.every((at) => at === 11_000_000_000n),
    'the time of the record, the end of the interval',
  );
});

test('an id reused by another cgroup within a batch gets both names', async () => {
  const { processor } = await fixture({
    path: (_, at: bigint = 0n) =>
      at < 11_000_000_000n ? '/system.slice/old.service' : '/system.slice/new.service',
  });
  const batch = waits(['4'], ['4']);
  assert.ok(batch.signal === 'logs');
  const [first, second] = batch.records;
  assert.ok(first && second);
  const shared = { ...second, resource: first.resource };
  const named = processor.process({ signal: 'logs', records: [{ ...first, hrTime: [10, 0] }, shared] });
  assert.deepEqual(victimName(named), ['old.service', 'new.service']);
});

test('data with a cgroup path instead of an id is named by the path, without a lookup', async () => {
  const { processor, source } = await fixture({ sources: ['cri'] });
  const path = `/system.slice/docker-${containerId}.scope`;
  const batch = reading([
    { [resourceAttributes.cgroupPath.key]: path },
    { [culpritAttributes.cgroupPath.key]: '/system.slice/cron.service' },
  ]);
  const [named] = read(processor.process(batch));
  assert.equal(named?.victim[workloadAttributes.containerId.key], containerId);
  assert.equal(named?.points[0]?.[culpritAttributes.unit.key], 'cron.service');
  assert.deepEqual(source('cri').requested, []);
});
