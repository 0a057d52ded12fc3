import assert from 'node:assert/strict';
import { test } from 'node:test';
import { workloadCounters } from '../../../../src/processors/workload/emits.ts';
import { culpritAttributes } from '../../../../src/telemetry/attributes/culprit.ts';
import { workloadAttributes } from '../../../../src/telemetry/attributes/workload.ts';
import { container, containerPath, fixture, pod, read, reading, waits } from './fixture.ts';

const paths = { '2': containerPath, '4': '/system.slice/cron.service' };

async function reported(settings: object, of: { readonly annotations?: Record<string, string> } = {}) {
  const all = await fixture({ paths, sources: ['kubelet'], settings: { hold: '0', ...settings } });
  const { facts } = all.source('kubelet');
  facts.upsertPod({ ...pod, labels: { app: 'web', tier: 'front' }, annotations: of.annotations ?? {} });
  facts.upsertContainer(container);
  const batch = all.processor.process(reading(['2'], ['4'], ['9']));
  return { ...all, kinds: read(batch).map(({ victim }) => String(victim[workloadAttributes.kind.key])) };
}

const all = ['container', 'service', 'unknown'];
const cases: readonly [title: string, settings: object, kinds: readonly string[]][] = [
  ['no rule: all workloads', {}, all],
  ['a namespace', { include: [{ namespace: 'shop' }] }, ['container']],
  ['a namespace by pattern', { include: [{ namespace: 's*p' }] }, ['container']],
  ['another namespace', { include: [{ namespace: 'shopping' }] }, []],
  ['a label', { include: [{ labels: { app: 'web' } }] }, ['container']],
  ['a label of any value', { include: [{ labels: { app: '*' } }] }, ['container']],
  ['labels, of which one differs', { include: [{ labels: { app: 'web', tier: 'back' } }] }, []],
  ['a label that no workload has', { include: [{ labels: { constructor: '*' } }] }, []],
  ['a path', { include: [{ path: '/system.slice' }] }, ['service']],
  [
    'a path and a namespace that do not go together',
    { include: [{ path: '/system.slice', namespace: '*' }] },
    [],
  ],
  [
    'either of two',
    { include: [{ path: '/system.slice' }, { namespace: 'shop' }] },
    ['container', 'service'],
  ],
  ['all but a namespace', { exclude: [{ namespace: 'shop' }] }, ['service', 'unknown']],
  ['all but a path', { exclude: [{ path: '/**/cron.service' }] }, ['container', 'unknown']],
  [
    'what is asked for and left out',
    { include: [{ namespace: 'shop' }], exclude: [{ labels: { app: 'web' } }] },
    [],
  ],
];
for (const [title, settings, kinds] of cases)
  test(`selected: ${title}`, async () => {
    assert.deepEqual((await reported(settings)).kinds, kinds);
  });

test('an annotation excludes a workload, unless that is turned off', async () => {
  const annotations = { 'earshot.io/ignore': 'true' };
  assert.deepEqual((await reported({}, { annotations })).kinds, ['service', 'unknown']);
  assert.deepEqual((await reported({ ignore_annotation: false }, { annotations })).kinds, all);
  assert.deepEqual((await reported({}, { annotations: { 'earshot.io/ignore': 'false' } })).kinds, all);
  assert.deepEqual(
    (await reported({ include: [{ annotations: { 'earshot.io/ignore': '*' } }] }, { annotations })).kinds,
    [],
    'ignoring goes first',
  );
});

test('a container without a pod is excluded by a label', async () => {
  const { processor, source } = await fixture({
    paths: { '6': `/docker/${container.id}` },
    sources: ['docker'],
    settings: { hold: '0' },
  });
  source('docker').facts.upsertContainer({
    id: container.id,
    name: 'web',
    labels: { 'earshot.io/ignore': 'true' },
  });
  assert.deepEqual(read(processor.process(reading(['6']))), []);
});

test('excluded items are counted by reason', async () => {
  const { processor, counted } = await reported({
    include: [{ path: '/system.slice' }],
    exclude: [{ namespace: 'shop' }],
  });
  processor.process(waits(['2'], ['2'], ['4']));
  assert.deepEqual(counted(workloadCounters.excluded.name), { exclude: 3, include: 1 });
});

test('an excluded victim is named as a culprit', async () => {
  const { processor } = await reported({ exclude: [{ namespace: 'shop' }] });
  const [named] = read(processor.process(reading(['4', { [culpritAttributes.cgroupId.key]: '2' }])));
  assert.equal(named?.points[0]?.[culpritAttributes.name.key], 'shop/web-7d4b9c5f6-x2x4z/app');
});
