import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Attributes } from '@opentelemetry/api';
import type { ContainerFacts, PodFacts, ResourceFacts } from '../../../../src/identity/facts.ts';
import { culpritAttributes } from '../../../../src/telemetry/attributes/culprit.ts';
import { resourceAttributes } from '../../../../src/telemetry/attributes/resource.ts';
import { workloadAttributes } from '../../../../src/telemetry/attributes/workload.ts';
import { nanoseconds } from '../../../../src/telemetry/units.ts';
import { container, containerId, containerPath, fixture, pod, read, reading, uid } from './fixture.ts';

const otherId = 'c0'.repeat(32);
const paths = {
  '2': containerPath,
  '3': `/kubepods/burstable/pod${uid}`,
  '4': `${containerPath}/worker`,
  '5': `/kubepods/burstable/pod${uid}/${otherId}`,
  '6': `/docker/${containerId}`,
};

/** Attributes of cgroups, with these facts from a kubelet or, without a pod, from Docker. */
async function described(
  facts: { pod?: PodFacts | undefined; containers?: readonly ContainerFacts[] },
  settings: object = {},
) {
  const of = await fixture({ paths, sources: ['kubelet', 'docker'], settings: { hold: '0', ...settings } });
  const source = of.source(facts.pod ? 'kubelet' : 'docker').facts;
  if (facts.pod) source.upsertPod(facts.pod);
  for (const each of facts.containers ?? []) source.upsertContainer(each);
  const victim = (id: string): Attributes => read(of.processor.process(reading([id])))[0]?.victim ?? {};
  const culprit = (id: string): Attributes =>
    read(of.processor.process(reading(['1', { [culpritAttributes.cgroupId.key]: id }])))[0]?.points[0] ?? {};
  return { ...of, victim, culprit };
}

test('a container of a pod has the attributes of the conventions', async () => {
  const { victim } = await described(
    { pod: { ...pod, startTime: '2026-11-20T10:00:00Z' }, containers: [container] },
    { cluster_name: 'east', pod_start_time: true },
  );
  assert.deepEqual(victim('2'), {
    'host.name': 'node',
    'earshot.cgroup.id': '2',
    'earshot.cgroup.path': containerPath,
    'earshot.workload.kind': 'container',
    'earshot.workload.name': 'shop/web-7d4b9c5f6-x2x4z/app',
    'earshot.workload.qos': 'burstable',
    'earshot.cpu.request': 0.25,
    'earshot.cpu.limit': 0.5,
    'k8s.cluster.name': 'east',
    'k8s.node.name': 'node-a',
    'k8s.namespace.name': 'shop',
    'k8s.deployment.name': 'web',
    'k8s.replicaset.name': 'web-7d4b9c5f6',
    'k8s.pod.name': 'web-7d4b9c5f6-x2x4z',
    'k8s.pod.uid': uid,
    'k8s.pod.start_time': '2026-11-20T10:00:00Z',
    'k8s.container.name': 'app',
    'k8s.container.restart_count': 3,
    'container.id': containerId,
    'container.name': 'app',
    'container.runtime.name': 'containerd',
    'container.image.name': 'registry.example/shop/web',
    'container.image.tags': ['1.2'],
    'container.image.repo_digests': [`registry.example/shop/web@sha256:${'ab'.repeat(32)}`],
    'service.name': 'web',
    'service.namespace': 'shop',
    'service.version': `1.2@sha256:${'ab'.repeat(32)}`,
    'service.instance.id': 'shop.web-7d4b9c5f6-x2x4z.app',
  });
});

test('a culprit has a subset of the attributes', async () => {
  const { culprit } = await described({ pod, containers: [container] });
  assert.deepEqual(culprit('2'), {
    'earshot.culprit.cgroup.id': '2',
    'earshot.culprit.cgroup.path': containerPath,
    'earshot.culprit.kind': 'container',
    'earshot.culprit.name': 'shop/web-7d4b9c5f6-x2x4z/app',
    'earshot.culprit.container.id': containerId,
    'earshot.culprit.container.name': 'app',
    'earshot.culprit.pod.uid': uid,
    'earshot.culprit.pod.name': 'web-7d4b9c5f6-x2x4z',
    'earshot.culprit.namespace': 'shop',
    'earshot.culprit.owner.kind': 'Deployment',
    'earshot.culprit.owner.name': 'web',
    'earshot.culprit.qos': 'burstable',
    'earshot.culprit.cpu.request': 0.25,
    'earshot.culprit.cpu.limit': 0.5,
  });
});

const withOwners = (...kinds: readonly string[]) =>
  kinds.map((kind) => ({ kind, name: `the-${kind.toLowerCase()}` }));
const annotation = (name: string, value: string) => ({ [`resource.opentelemetry.io/${name}`]: value });

/** Each takes what stands above it away: what is left names the service. */
const namings: readonly { readonly by: string; readonly of: Partial<PodFacts>; readonly name: string }[] = [
  {
    by: 'annotation',
    of: {
      annotations: annotation('service.name', 'annotated'),
      labels: { 'app.kubernetes.io/instance': 'instance' },
    },
    name: 'annotated',
  },
  {
    by: 'label app.kubernetes.io/instance',
    of: { labels: { 'app.kubernetes.io/instance': 'instance', 'app.kubernetes.io/name': 'name' } },
    name: 'instance',
  },
  { by: 'label app.kubernetes.io/name', of: { labels: { 'app.kubernetes.io/name': 'name' } }, name: 'name' },
  { by: 'Deployment', of: { owners: withOwners('ReplicaSet', 'Deployment') }, name: 'the-deployment' },
  { by: 'ReplicaSet', of: { owners: withOwners('ReplicaSet') }, name: 'the-replicaset' },
  { by: 'StatefulSet', of: { owners: withOwners('StatefulSet') }, name: 'the-statefulset' },
  { by: 'DaemonSet', of: { owners: withOwners('DaemonSet') }, name: 'the-daemonset' },
  { by: 'CronJob', of: { owners: withOwners('Job', 'CronJob') }, name: 'the-cronjob' },
  { by: 'Job', of: { owners: withOwners('Job') }, name: 'the-job' },
  { by: 'pod', of: { owners: withOwners('Rollout') }, name: 'the-pod' },
];
for (const { by, of, name } of namings)
  test(`a service is named by its ${by}`, async () => {
    const bare: PodFacts = { uid, name: 'the-pod', namespace: 'shop', ...of };
    const { victim } = await described({ pod: bare, containers: [container] });
    assert.equal(victim('2')[resourceAttributes.serviceName.key], name);
  });

test('without the name of its pod a service has that of the container', async () => {
  const { victim } = await described({ pod: { uid }, containers: [container] });
  assert.equal(victim('2')[resourceAttributes.serviceName.key], 'app');
});

test('labels of other tools can be switched off', async () => {
  const labels = { 'app.kubernetes.io/name': 'name', 'app.kubernetes.io/version': '9' };
  const { victim } = await described(
    { pod: { ...pod, labels }, containers: [{ ...container, image: { name: 'web', tag: '1' } }] },
    { service_labels: false },
  );
  assert.equal(victim('2')[resourceAttributes.serviceName.key], 'web');
  assert.equal(victim('2')[resourceAttributes.serviceVersion.key], '1');
});

const versions: readonly [
  title: string,
  of: Partial<PodFacts>,
  image: ContainerFacts['image'],
  version?: string | undefined,
][] = [
  [
    'annotation',
    { annotations: annotation('service.version', '7'), labels: { 'app.kubernetes.io/version': '8' } },
    { name: 'web', tag: '1' },
    '7',
  ],
  ['label', { labels: { 'app.kubernetes.io/version': '8' } }, { name: 'web', tag: '1' }, '8'],
  ['tag and digest', {}, { name: 'web', tag: '1', digest: 'sha256:ab' }, '1@sha256:ab'],
  ['digest', {}, { name: 'web', digest: 'sha256:ab' }, 'sha256:ab'],
  ['tag', {}, { name: 'web', tag: '1' }, '1'],
  ['nothing', {}, { name: 'web' }, undefined],
];
for (const [title, of, image, version] of versions)
  test(`the version of a service comes from ${title}`, async () => {
    const { victim } = await described({
      pod: { ...pod, labels: {}, ...of },
      containers: [{ ...container, ...(image && { image }) }],
    });
    assert.equal(victim('2')[resourceAttributes.serviceVersion.key], version);
  });

test("the namespace of a service is the pod's, unless annotated", async () => {
  const annotations = annotation('service.namespace', 'front');
  const { victim } = await described({ pod: { ...pod, annotations }, containers: [container] });
  assert.equal(victim('2')[resourceAttributes.serviceNamespace.key], 'front');
  assert.equal(victim('2')[workloadAttributes.namespaceName.key], 'shop');
});

test('annotations set other attributes, but none that is measured', async () => {
  const annotations = {
    ...annotation('team', 'blue'),
    ...annotation('k8s.pod.uid', 'another'),
    ...annotation('earshot.cause', 'self'),
    ...annotation('container.id', 'another'),
    ...annotation('', 'nothing'),
  };
  const { victim } = await described({ pod: { ...pod, annotations }, containers: [container] });
  assert.equal(victim('2').team, 'blue');
  assert.equal(victim('2')[workloadAttributes.podUid.key], uid);
  assert.equal(victim('3')[workloadAttributes.containerId.key], undefined, 'of the pod itself');
  assert.equal(victim('2')['earshot.cause'], undefined);
  assert.ok(!('' in victim('2')));
});

test('an instance is unique among a container, its pod, its nested cgroups and its sibling', async () => {
  const sibling = { ...container, id: otherId, name: 'proxy' };
  const { victim } = await described({ pod, containers: [container, sibling] });
  const instances = ['2', '3', '4', '5'].map((id) => victim(id)[resourceAttributes.serviceInstanceId.key]);
  assert.deepEqual(instances, [
    'shop.web-7d4b9c5f6-x2x4z.app',
    `node:/kubepods/burstable/pod${uid}#3`,
    `node:${containerPath}/worker#4`,
    'shop.web-7d4b9c5f6-x2x4z.proxy',
  ]);
});

test('an annotated instance is the container’s, and with its name where the pod has several', async () => {
  const annotated = { ...pod, annotations: annotation('service.instance.id', 'one') };
  const alone = await described({ pod: annotated, containers: [container] });
  assert.equal(alone.victim('2')[resourceAttributes.serviceInstanceId.key], 'one');
  alone.source('kubelet').facts.upsertContainer({ ...container, id: otherId, name: 'proxy' });
  assert.equal(alone.victim('2')[resourceAttributes.serviceInstanceId.key], 'one.app', 'from now on');
  assert.equal(alone.victim('5')[resourceAttributes.serviceInstanceId.key], 'one.proxy');
  const first = await described({
    pod: annotated,
    containers: [container, { ...container, id: otherId, name: 'setup', role: 'init' }],
  });
  assert.equal(first.victim('2')[resourceAttributes.serviceInstanceId.key], 'one');
  assert.equal(first.victim('5')[resourceAttributes.serviceInstanceId.key], 'one.setup');
});

test('an unnamed container is called by its id, with the facts about its pod', async () => {
  const { victim } = await described({ pod });
  assert.equal(
    victim('2')[workloadAttributes.name.key],
    `shop/web-7d4b9c5f6-x2x4z/${containerId.slice(0, 12)}`,
  );
  assert.equal(victim('2')[resourceAttributes.serviceInstanceId.key], containerId);
  assert.equal(victim('2')[workloadAttributes.podName.key], pod.name);
  assert.equal(victim('2')[workloadAttributes.podContainerName.key], undefined);
});

test('later facts about the pod or the container hold from then on', async () => {
  const { victim, source } = await described({ pod, containers: [container] });
  const { facts } = source('kubelet');
  assert.equal(victim('2')[workloadAttributes.deploymentName.key], 'web');
  facts.upsertPod({ ...pod, owners: [{ kind: 'StatefulSet', name: 'db' }] });
  assert.equal(victim('2')[workloadAttributes.deploymentName.key], undefined);
  assert.equal(victim('2')[workloadAttributes.statefulSetName.key], 'db');
  facts.upsertContainer({ ...container, resources: { cpuLimit: 4 } });
  assert.equal(victim('2')[workloadAttributes.cpuLimit.key], 4);
  assert.equal(victim('2')[workloadAttributes.cpuRequest.key], undefined);
});

test("a container known only to a runtime has the resources of its pod's specification", async () => {
  const { resources: _, ...nameOnly } = container;
  const { victim } = await described({
    pod: { ...pod, containerResources: { app: { cpuRequest: 0.125, cpuLimit: 3 } } },
    containers: [nameOnly],
  });
  assert.equal(victim('2')[workloadAttributes.cpuRequest.key], 0.125);
  assert.equal(victim('2')[workloadAttributes.cpuLimit.key], 3);
});

test('a pause container is its pod', async () => {
  const { victim, culprit } = await described({
    pod,
    containers: [{ id: containerId, role: 'sandbox', podUid: uid, runtime: 'containerd' }],
  });
  const pause = victim('2');
  assert.equal(pause[workloadAttributes.kind.key], 'pod');
  assert.equal(pause[workloadAttributes.name.key], 'shop/web-7d4b9c5f6-x2x4z');
  for (const key of [
    workloadAttributes.containerId.key,
    workloadAttributes.containerName.key,
    workloadAttributes.containerRuntime.key,
    workloadAttributes.podContainerName.key,
  ])
    assert.equal(pause[key], undefined, key);
  assert.notEqual(
    pause[resourceAttributes.serviceInstanceId.key],
    victim('3')[resourceAttributes.serviceInstanceId.key],
  );
  assert.equal(culprit('2')[culpritAttributes.kind.key], 'pod');
  assert.equal(culprit('2')[culpritAttributes.containerId.key], undefined);
});

test('a nested cgroup belongs to its container, as another instance', async () => {
  const { victim } = await described({ pod, containers: [container] });
  assert.equal(victim('4')[workloadAttributes.podContainerName.key], 'app');
  assert.equal(victim('4')[resourceAttributes.serviceName.key], 'web');
});

test('a container without a pod is called what its runtime calls it', async () => {
  const { victim } = await described({
    containers: [
      {
        id: containerId,
        name: 'shop-web-1',
        runtime: 'docker',
        labels: {},
        image: { name: 'web', tag: '3' },
      },
    ],
  });
  const of = victim('6');
  assert.equal(of[workloadAttributes.name.key], 'shop-web-1');
  assert.equal(of[workloadAttributes.containerName.key], 'shop-web-1');
  assert.equal(of[workloadAttributes.podContainerName.key], undefined);
  assert.equal(of[resourceAttributes.serviceName.key], 'shop-web-1');
  assert.equal(of[resourceAttributes.serviceVersion.key], '3');
  assert.equal(of[resourceAttributes.serviceInstanceId.key], containerId);
});

test('Compose names service and project', async () => {
  const labels = { 'com.docker.compose.service': 'web', 'com.docker.compose.project': 'shop' };
  const { victim } = await described({ containers: [{ id: containerId, name: 'shop-web-1', labels }] });
  assert.equal(victim('6')[resourceAttributes.serviceName.key], 'web');
  assert.equal(victim('6')[resourceAttributes.serviceNamespace.key], 'shop');
});

const byLabels: readonly [name: string, labels: Readonly<Record<string, string>>, owners: Attributes][] = [
  [
    'web-7d4b9c5f6-x2x4z',
    { 'pod-template-hash': '7d4b9c5f6' },
    {
      [workloadAttributes.replicaSetName.key]: 'web-7d4b9c5f6',
      [workloadAttributes.deploymentName.key]: 'web',
    },
  ],
  [
    'db-0',
    { 'statefulset.kubernetes.io/pod-name': 'db-0' },
    { [workloadAttributes.statefulSetName.key]: 'db' },
  ],
  ['log-abcde', { 'pod-template-generation': '1' }, { [workloadAttributes.daemonSetName.key]: 'log' }],
  ['move-x2x4z', { 'job-name': 'move' }, { [workloadAttributes.jobName.key]: 'move' }],
  [
    'tidy-29648100-abcde',
    { 'batch.kubernetes.io/job-name': 'tidy-29648100', 'job-name': 'tidy-29648100' },
    { [workloadAttributes.jobName.key]: 'tidy-29648100', [workloadAttributes.cronJobName.key]: 'tidy' },
  ],
  ['web-7d4b9c5f6-x2x4z', { 'pod-template-hash': 'other' }, {}],
  ['plain', {}, {}],
];
for (const [name, labels, owners] of byLabels)
  test(`a runtime that knows only names and labels: ${name} ${JSON.stringify(labels)}`, async () => {
    const { victim } = await described({
      pod: { uid, name, namespace: 'shop', labels },
      containers: [container],
    });
    const ownerKeys = [
      ...[
        workloadAttributes.replicaSetName.key,
        workloadAttributes.deploymentName.key,
        workloadAttributes.statefulSetName.key,
        workloadAttributes.daemonSetName.key,
      ],
      ...[workloadAttributes.jobName.key, workloadAttributes.cronJobName.key],
    ];
    const found = Object.entries(victim('2')).filter(([key]) =>
      (ownerKeys as readonly string[]).includes(key),
    );
    assert.deepEqual(Object.fromEntries(found), owners);
  });

test("a container without a limit has its pod's, whatever its cgroup has", async () => {
  const limitOf = async (resources: ResourceFacts | undefined) => {
    const { resources: _, ...rest } = container;
    const { victim } = await described({
      pod: { ...pod, resources: { cpuRequest: 1, cpuLimit: 2 } },
      containers: [{ ...rest, ...(resources && { resources }) }],
    });
    const attributes = victim('2');
    return [attributes[workloadAttributes.cpuRequest.key], attributes[workloadAttributes.cpuLimit.key]];
  };
  assert.deepEqual(await limitOf(undefined), [undefined, 2]);
  assert.deepEqual(await limitOf({ cpuRequest: 0.5 }), [0.5, 2]);
  assert.deepEqual(await limitOf({ cpuLimit: 0.25 }), [undefined, 0.25]);
});

test('a limit that no source has is read from the cgroup again after a minute, and kept after its removal', async () => {
  let quota: number | undefined = 150_000_000;
  const asked: string[] = [];
  const of = await fixture({
    paths: { '7': '/system.slice/db.service', '8': '/locked', ...paths },
    sources: ['kubelet'],
    settings: { hold: '0' },
    cpu(path) {
      asked.push(path);
      if (path === '/locked') throw new Error('permission denied');
      if (quota === undefined) return undefined;
      return {
        quota: { quota: nanoseconds(quota), period: nanoseconds(100_000_000), burst: nanoseconds(0) },
      };
    },
  });
  of.source('kubelet').facts.upsertContainer(container);
  const limit = (id: string) =>
    read(of.processor.process(reading([id])))[0]?.victim[workloadAttributes.cpuLimit.key];
  assert.equal(limit('7'), 1.5);
  assert.equal(limit('2'), 0.5, 'of the facts');
  assert.deepEqual(asked, ['/system.slice/db.service']);
  assert.equal(limit('8'), undefined);
  quota = 200_000_000;
  of.pass(59);
  assert.equal(limit('7'), 1.5);
  of.pass(1);
  assert.equal(limit('7'), 2);
  quota = undefined;
  of.pass(60);
  assert.equal(limit('7'), 2, 'of a removed cgroup');
});
