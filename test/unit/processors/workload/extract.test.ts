import assert from 'node:assert/strict';
import { test } from 'node:test';
import { culpritAttributes } from '../../../../src/telemetry/attributes/culprit.ts';
import { workloadAttributes } from '../../../../src/telemetry/attributes/workload.ts';
import { container, containerPath, fixture, pod, read, reading } from './fixture.ts';

async function extracted(extract: object) {
  const { processor, source } = await fixture({
    paths: { '2': containerPath },
    sources: ['kubelet'],
    settings: { hold: '0', extract },
  });
  const { facts } = source('kubelet');
  facts.upsertPod({
    ...pod,
    labels: { team: 'blue', 'app.example/part': 'cart', 'app.example/tier': '' },
    annotations: { owner: 'them', 'app.example/page': 'shop' },
  });
  facts.upsertContainer(container);
  const [named] = read(processor.process(reading(['2', { [culpritAttributes.cgroupId.key]: '2' }])));
  const chosen = (of: object) =>
    Object.fromEntries(Object.entries(of).filter(([key]) => /label|annotation|^x\./.test(key)));
  return { victim: chosen(named?.victim ?? {}), culprit: chosen(named?.points[0] ?? {}) };
}

test('by default no label and no annotation is exported', async () => {
  assert.deepEqual(await extracted({}), { victim: {}, culprit: {} });
});

test('a label and an annotation get the names of the conventions', async () => {
  assert.deepEqual(
    await extracted({ labels: [{ key: 'team' }, { key: 'none' }], annotations: [{ key: 'owner' }] }),
    {
      victim: { 'k8s.pod.label.team': 'blue', 'k8s.pod.annotation.owner': 'them' },
      culprit: {},
    },
  );
});

test('labels are chosen by a regular expression that fits the whole key', async () => {
  const { victim } = await extracted({ labels: [{ key_regex: 'app\\.example/(.*)' }, { key_regex: 'tea' }] });
  assert.deepEqual(victim, {
    'k8s.pod.label.app.example/part': 'cart',
    'k8s.pod.label.app.example/tier': '',
  });
});

test('tag_name may use groups of the expression', async () => {
  const { victim } = await extracted({
    labels: [
      { key: 'team', tag_name: 'x.team' },
      { key_regex: 'app\\.example/(.*)', tag_name: 'x.$1' },
    ],
  });
  assert.deepEqual(victim, { 'x.team': 'blue', 'x.part': 'cart', 'x.tier': '' });
});

test('culprits have labels only if configured', async () => {
  const { culprit } = await extracted({ labels: [{ key: 'team', culprit: true }] });
  assert.deepEqual(culprit, { 'earshot.culprit.label.team': 'blue' });
});

test('a label does not replace an attribute of the agent', async () => {
  const { processor, source } = await fixture({
    paths: { '2': containerPath },
    sources: ['kubelet'],
    settings: { hold: '0', extract: { labels: [{ key: 'team', tag_name: 'k8s.pod.name' }] } },
  });
  source('kubelet').facts.upsertPod({ ...pod, labels: { team: 'blue' } });
  assert.equal(read(processor.process(reading(['2'])))[0]?.victim[workloadAttributes.podName.key], pod.name);
});
