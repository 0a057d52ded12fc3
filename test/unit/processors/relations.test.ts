import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contention } from '../../../src/processors/contention/contention.ts';
import { culpritAttributes } from '../../../src/telemetry/attributes/culprit.ts';
import { type Cause, waitAttributes, waitPart } from '../../../src/telemetry/attributes/wait.ts';
import { fakeHost } from '../fake-host.ts';
import { fixture, read, reading, waits } from './workload/fixture.ts';

/** From cgroup paths to causes: `workload` describes victim and culprit, `contention` derives the cause. */

const hex = (digit: string) => digit.repeat(64);
const uid = (digit: string) => [8, 4, 4, 4, 12].map((n) => digit.repeat(n)).join('-');
const slice = (digit: string) => `kubepods-burstable-pod${uid(digit).replaceAll('-', '_')}.slice`;

const drivers = {
  cgroupfs: {
    above: '/kubepods',
    qos: '/kubepods/burstable',
    pod: `/kubepods/burstable/pod${uid('a')}`,
    container: `/kubepods/burstable/pod${uid('a')}/${hex('1')}`,
    nested: `/kubepods/burstable/pod${uid('a')}/${hex('1')}/worker`,
    sibling: `/kubepods/burstable/pod${uid('a')}/${hex('2')}`,
    pause: `/kubepods/burstable/pod${uid('a')}/${hex('3')}`,
    neighbor: `/kubepods/besteffort/pod${uid('b')}/${hex('4')}`,
  },
  systemd: {
    above: '/kubepods.slice',
    qos: '/kubepods.slice/kubepods-burstable.slice',
    pod: `/kubepods.slice/kubepods-burstable.slice/${slice('a')}`,
    container: `/kubepods.slice/kubepods-burstable.slice/${slice('a')}/cri-containerd-${hex('1')}.scope`,
    nested: `/kubepods.slice/kubepods-burstable.slice/${slice('a')}/cri-containerd-${hex('1')}.scope/worker`,
    sibling: `/kubepods.slice/kubepods-burstable.slice/${slice('a')}/cri-containerd-${hex('2')}.scope`,
    pause: `/kubepods.slice/kubepods-burstable.slice/${slice('a')}/cri-containerd-${hex('3')}.scope`,
    neighbor: `/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod${uid('b').replaceAll('-', '_')}.slice/cri-containerd-${hex('4')}.scope`,
  },
};
const system = {
  root: '/',
  kubelet: '/system.slice/kubelet.service',
  runtime: '/system.slice/containerd.service',
  daemon: '/podruntime/kubelet',
  conmon: `/machine.slice/libpod-conmon-${hex('5')}.scope`,
  session: '/user.slice/user-1000.slice/session-2.scope',
};
const elsewhere = {
  docker: `/docker/${hex('6')}`,
  unit: '/batch.slice/job.service',
  inUnit: '/batch.slice/job.service/worker',
  batch: '/batch.slice',
};

type Place = keyof (typeof drivers)['cgroupfs'] | keyof typeof system | keyof typeof elsewhere | 'none';

async function relation(driver: keyof typeof drivers) {
  const places = { ...drivers[driver], ...system, ...elsewhere };
  const ids = new Map(Object.keys(places).map((place, i) => [place, String(i + 1)]));
  const idOf = (place: Place) => ids.get(place) ?? '999';
  const paths = Object.fromEntries(
    Object.entries(places).map(([place, path]) => [idOf(place as Place), path]),
  );
  const { processor, source } = await fixture({ paths, sources: ['cri'], settings: { hold: '0' } });
  source('cri').facts.upsertContainer({ id: hex('3'), role: 'sandbox', podUid: uid('a') });
  const causes = await contention.open({}, fakeHost('contention').host);
  return (waitClass: 'other' | 'throttled', victim: Place, culprit: Place) => {
    const point = { [culpritAttributes.cgroupId.key]: idOf(culprit), [waitAttributes.class.key]: waitClass };
    const [named] = read(causes.process(processor.process(reading([idOf(victim), point]))));
    const wait = { [culpritAttributes.cgroupId.key]: idOf(culprit), [waitPart(waitClass)]: 1 };
    const [event] = read(causes.process(processor.process(waits([idOf(victim), wait]))));
    for (const key of [
      waitAttributes.cause.key,
      waitAttributes.quotaLevel.key,
      culpritAttributes.cgroupPath.key,
    ])
      assert.equal(event?.points[0]?.[key], named?.points[0]?.[key], 'metrics and events are equal');
    const {
      [waitAttributes.cause.key]: cause,
      [waitAttributes.quotaLevel.key]: level,
      [culpritAttributes.cgroupPath.key]: path,
    } = named?.points[0] ?? {};
    assert.equal(path, paths[idOf(culprit)]);
    return { cause, level };
  };
}

const quotas: readonly [victim: Place, owner: Place, cause: Cause, level?: string][] = [
  ['container', 'container', 'throttled', 'container'],
  ['container', 'pod', 'throttled', 'pod'],
  ['container', 'qos', 'throttled_ancestor', 'qos'],
  ['container', 'above', 'throttled_ancestor', 'node'],
  ['container', 'root', 'throttled_ancestor', 'root'],
  ['nested', 'container', 'throttled', 'container'],
  ['nested', 'nested', 'throttled', 'nested'],
  ['nested', 'pod', 'throttled', 'pod'],
  ['pause', 'pod', 'throttled', 'pod'],
  ['pod', 'pod', 'throttled', 'pod'],
  ['pod', 'qos', 'throttled_ancestor', 'qos'],
  ['unit', 'unit', 'throttled', 'unit'],
  ['inUnit', 'unit', 'throttled', 'unit'],
  ['unit', 'batch', 'throttled_ancestor', 'slice'],
  ['docker', 'docker', 'throttled', 'container'],
  ['container', 'none', 'unknown'],
];
const contenders: readonly (readonly [victim: Place, culprit: Place, cause: Cause])[] = [
  ['container', 'nested', 'self'],
  ['nested', 'container', 'self'],
  ['container', 'sibling', 'sibling'],
  ['container', 'pause', 'sibling'],
  ['container', 'pod', 'sibling'],
  ['pause', 'container', 'sibling'],
  ['container', 'neighbor', 'neighbor'],
  ['container', 'docker', 'neighbor'],
  ['unit', 'inUnit', 'self'],
  ['unit', 'container', 'neighbor'],
  ['container', 'unit', 'system'],
  ...(['root', 'kubelet', 'runtime', 'daemon', 'conmon', 'session'] as const).map(
    (place) => ['container', place, 'system'] as const,
  ),
  ['kubelet', 'runtime', 'system'],
  ['container', 'none', 'unknown'],
];

for (const driver of ['cgroupfs', 'systemd'] as const) {
  for (const [victim, owner, cause, level] of quotas)
    test(`${driver}: the quota of ${owner} that holds back ${victim} is ${cause}`, async () => {
      const judge = await relation(driver);
      assert.deepEqual(judge('throttled', victim, owner), { cause, level });
    });
  for (const [victim, culprit, cause] of contenders)
    test(`${driver}: to ${victim}, ${culprit} is ${cause}`, async () => {
      const judge = await relation(driver);
      assert.deepEqual(judge('other', victim, culprit), { cause, level: undefined });
    });
}
