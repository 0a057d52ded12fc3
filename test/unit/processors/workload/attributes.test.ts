import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Attributes } from '@opentelemetry/api';
import type { ContainerFacts, PodFacts } from '../../../../src/identity/facts.ts';
import { nanoseconds } from '../../../../src/telemetry/units.ts';
import { attributes as keys } from '../../../../src/telemetry/vocabulary.ts';
import { container, containerId, containerPath, fixture, pod, read, reading, uid } from './fixture.ts';

const otherId = 'c0'.repeat(32);
const paths = {
  '2': containerPath,
  '3': `/kubepods/burstable/pod${uid}`,
  '4': `${containerPath}/worker`,
  '5': `/kubepods/burstable/pod${uid}/${otherId}`,
  '6': `/docker/${containerId}`,
};

/** What cgroups are, after a kubelet (or, without a pod, Docker) has said these. */
async function described(
  facts: { pod?: PodFacts | undefined; containers?: readonly ContainerFacts[] },
  settings: object = {},
) {
  const of = await fixture({ paths, sources: ['kubelet', 'docker'], settings: { hold: '0', ...settings } });
  const source = of.source(facts.pod ? 'kubelet' : 'docker').facts;
  if (facts.pod) source.pod(facts.pod);
  for (const each of facts.containers ?? []) source.container(each);
  const victim = (id: string): Attributes => read(of.processor.process(reading([id])))[0]?.victim ?? {};
  const culprit = (id: string): Attributes =>
    read(of.processor.process(reading(['1', { [keys.culpritCgroupId]: id }])))[0]?.points[0] ?? {};
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

test('as a culprit it has the same, in few words', async () => {
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
    assert.equal(victim('2')[keys.serviceName], name);
  });

test('without the name of its pod a service has that of the container', async () => {
  const { victim } = await described({ pod: { uid }, containers: [container] });
  assert.equal(victim('2')[keys.serviceName], 'app');
});

test('labels that other tools set need not count', async () => {
  const labels = { 'app.kubernetes.io/name': 'name', 'app.kubernetes.io/version': '9' };
  const { victim } = await described(
    { pod: { ...pod, labels }, containers: [{ ...container, image: { name: 'web', tag: '1' } }] },
    { service_labels: false },
  );
  assert.equal(victim('2')[keys.serviceName], 'web');
  assert.equal(victim('2')[keys.serviceVersion], '1');
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
  test(`the version of a service is said by ${title}`, async () => {
    const { victim } = await described({
      pod: { ...pod, labels: {}, ...of },
      containers: [{ ...container, ...(image && { image }) }],
    });
    assert.equal(victim('2')[keys.serviceVersion], version);
  });

test('the namespace of a service is that of the pod, unless an annotation says another', async () => {
  const annotations = annotation('service.namespace', 'front');
  const { victim } = await described({ pod: { ...pod, annotations }, containers: [container] });
  assert.equal(victim('2')[keys.serviceNamespace], 'front');
  assert.equal(victim('2')[keys.namespaceName], 'shop');
});

test('annotations set other attributes, but none that is measured', async () => {
  const annotations = {
    ...annotation('team', 'blue'),
    ...annotation('k8s.pod.uid', 'somebody else'),
    ...annotation('earshot.cause', 'self'),
    ...annotation('container.id', 'somebody else'),
    ...annotation('', 'nothing'),
  };
  const { victim } = await described({ pod: { ...pod, annotations }, containers: [container] });
  assert.equal(victim('2').team, 'blue');
  assert.equal(victim('2')[keys.podUid], uid);
  assert.equal(victim('3')[keys.containerId], undefined, 'of the pod itself');
  assert.equal(victim('2')['earshot.cause'], undefined);
  assert.ok(!('' in victim('2')));
});

test('an instance is unique: a container is another one than its pod, its cgroups below, its sibling', async () => {
  const sibling = { ...container, id: otherId, name: 'proxy' };
  const { victim } = await described({ pod, containers: [container, sibling] });
  const instances = ['2', '3', '4', '5'].map((id) => victim(id)[keys.serviceInstanceId]);
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
  assert.equal(alone.victim('2')[keys.serviceInstanceId], 'one');
  alone.source('kubelet').facts.container({ ...container, id: otherId, name: 'proxy' });
  assert.equal(alone.victim('2')[keys.serviceInstanceId], 'one.app', 'from now on');
  assert.equal(alone.victim('5')[keys.serviceInstanceId], 'one.proxy');
  const first = await described({
    pod: annotated,
    containers: [container, { ...container, id: otherId, name: 'setup', role: 'init' }],
  });
  assert.equal(first.victim('2')[keys.serviceInstanceId], 'one');
  assert.equal(first.victim('5')[keys.serviceInstanceId], 'one.setup');
});

test('a container nobody has named yet goes by its id, with what is known of its pod', async () => {
  const { victim } = await described({ pod });
  assert.equal(victim('2')[keys.workloadName], `shop/web-7d4b9c5f6-x2x4z/${containerId.slice(0, 12)}`);
  assert.equal(victim('2')[keys.serviceInstanceId], containerId);
  assert.equal(victim('2')[keys.podName], pod.name);
  assert.equal(victim('2')[keys.podContainerName], undefined);
});

test('what is said later of the pod, or of the container, holds from then on', async () => {
  const { victim, source } = await described({ pod, containers: [container] });
  const { facts } = source('kubelet');
  assert.equal(victim('2')[keys.deploymentName], 'web');
  facts.pod({ ...pod, owners: [{ kind: 'StatefulSet', name: 'db' }] });
  assert.equal(victim('2')[keys.deploymentName], undefined);
  assert.equal(victim('2')[keys.statefulSetName], 'db');
  facts.container({ ...container, resources: { cpuLimit: 4 } });
  assert.equal(victim('2')[keys.cpuLimit], 4);
  assert.equal(victim('2')[keys.cpuRequest], undefined);
});

test('a container only a runtime knows asks for what its pod says of it, before it has an id there', async () => {
  const { resources: _, ...nameOnly } = container;
  const { victim } = await described({
    pod: { ...pod, containerResources: { app: { cpuRequest: 0.125, cpuLimit: 3 } } },
    containers: [nameOnly],
  });
  assert.equal(victim('2')[keys.cpuRequest], 0.125);
  assert.equal(victim('2')[keys.cpuLimit], 3);
});

test('a pause container is its pod', async () => {
  const { victim, culprit } = await described({
    pod,
    containers: [{ id: containerId, role: 'sandbox', podUid: uid, runtime: 'containerd' }],
  });
  const pause = victim('2');
  assert.equal(pause[keys.workloadKind], 'pod');
  assert.equal(pause[keys.workloadName], 'shop/web-7d4b9c5f6-x2x4z');
  for (const key of [keys.containerId, keys.containerName, keys.containerRuntime, keys.podContainerName])
    assert.equal(pause[key], undefined, key);
  assert.notEqual(pause[keys.serviceInstanceId], victim('3')[keys.serviceInstanceId]);
  assert.equal(culprit('2')[keys.culpritKind], 'pod');
  assert.equal(culprit('2')[keys.culpritContainerId], undefined);
});

test('what is inside a container is the container’s, as another instance', async () => {
  const { victim } = await described({ pod, containers: [container] });
  assert.equal(victim('4')[keys.podContainerName], 'app');
  assert.equal(victim('4')[keys.serviceName], 'web');
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
  assert.equal(of[keys.workloadName], 'shop-web-1');
  assert.equal(of[keys.containerName], 'shop-web-1');
  assert.equal(of[keys.podContainerName], undefined);
  assert.equal(of[keys.serviceName], 'shop-web-1');
  assert.equal(of[keys.serviceVersion], '3');
  assert.equal(of[keys.serviceInstanceId], containerId);
});

test('Compose names service and project', async () => {
  const labels = { 'com.docker.compose.service': 'web', 'com.docker.compose.project': 'shop' };
  const { victim } = await described({ containers: [{ id: containerId, name: 'shop-web-1', labels }] });
  assert.equal(victim('6')[keys.serviceName], 'web');
  assert.equal(victim('6')[keys.serviceNamespace], 'shop');
});

const byLabels: readonly [name: string, labels: Readonly<Record<string, string>>, owners: Attributes][] = [
  [
    'web-7d4b9c5f6-x2x4z',
    { 'pod-template-hash': '7d4b9c5f6' },
    { [keys.replicaSetName]: 'web-7d4b9c5f6', [keys.deploymentName]: 'web' },
  ],
  ['db-0', { 'statefulset.kubernetes.io/pod-name': 'db-0' }, { [keys.statefulSetName]: 'db' }],
  ['log-abcde', { 'pod-template-generation': '1' }, { [keys.daemonSetName]: 'log' }],
  ['move-x2x4z', { 'job-name': 'move' }, { [keys.jobName]: 'move' }],
  [
    'tidy-29648100-abcde',
    { 'batch.kubernetes.io/job-name': 'tidy-29648100', 'job-name': 'tidy-29648100' },
    { [keys.jobName]: 'tidy-29648100', [keys.cronJobName]: 'tidy' },
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
      ...[keys.replicaSetName, keys.deploymentName, keys.statefulSetName, keys.daemonSetName],
      ...[keys.jobName, keys.cronJobName],
    ];
    const found = Object.entries(victim('2')).filter(([key]) =>
      (ownerKeys as readonly string[]).includes(key),
    );
    assert.deepEqual(Object.fromEntries(found), owners);
  });

test('a limit nobody tells of is read from the cgroup, again after a minute', async () => {
  let quota = 150_000_000;
  const asked: string[] = [];
  const of = await fixture({
    paths: { '7': '/system.slice/db.service', '8': '/locked', ...paths },
    sources: ['kubelet'],
    settings: { hold: '0' },
    cpu(path) {
      asked.push(path);
      if (path === '/locked') throw new Error('permission denied');
      return {
        quota: { quota: nanoseconds(quota), period: nanoseconds(100_000_000), burst: nanoseconds(0) },
      };
    },
  });
  of.source('kubelet').facts.container(container);
  const limit = (id: string) => read(of.processor.process(reading([id])))[0]?.victim[keys.cpuLimit];
  assert.equal(limit('7'), 1.5);
  assert.equal(limit('2'), 0.5, 'of the facts');
  assert.deepEqual(asked, ['/system.slice/db.service']);
  assert.equal(limit('8'), undefined);
  quota = 200_000_000;
  of.pass(59);
  assert.equal(limit('7'), 1.5);
  of.pass(1);
  assert.equal(limit('7'), 2);
});
