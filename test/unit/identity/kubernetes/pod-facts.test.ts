import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { podFacts } from '../../../../src/identity/kubernetes/pod-facts.ts';
import { containerIdOf, digestOf, madePod, shapes, uidOf } from './made-pods.ts';

for (const shape of shapes)
  test(`a pod of Kubernetes ${shape} is understood`, () => {
    const answer = podFacts(madePod(3, { shape }));
    const runtime = shape === '1.20' ? 'docker' : 'containerd';
    const container = (name: string, image: string) => ({
      id: containerIdOf(3, name),
      name,
      runtime,
      podUid: uidOf(3),
      restartCount: 0,
      image: { name: image, digest: digestOf(imageOf(name)) },
    });
    const hasSidecar = !['1.20', '1.24'].includes(shape);
    assert.deepEqual(answer, {
      pod: {
        uid: uidOf(3),
        name: 'web-3-7d4b9c3f58-x2x4z',
        namespace: 'team-3',
        node: 'node1',
        qos: 'burstable',
        startTime: '2026-11-20T10:00:00Z',
        labels: { app: 'web-3', 'pod-template-hash': '7d4b9c3f58' },
        annotations: { 'prometheus.io/scrape': 'true' },
        owners: [{ kind: 'ReplicaSet', name: 'web-3-7d4b9c3f58', uid: uidOf(100_003) }],
        ...(shape === '1.34' && { resources: { cpuLimit: 1.5 } }),
        containerResources: {
          app: { cpuRequest: 0.25, cpuLimit: 1 },
          ...(hasSidecar && { mesh: { cpuRequest: 0.1 } }),
        },
      },
      containers: [
        withTag(container('setup', 'registry.example:5000/team/setup'), '1', { role: 'init' }),
        ...(hasSidecar
          ? [
              withTag(container('mesh', 'registry.example/mesh'), '2', {
                role: 'container',
                resources: { cpuRequest: 0.1 },
              }),
            ]
          : []),
        withTag(container('app', 'registry.example/team/web-3'), '1.3', {
          role: 'container',
          resources: { cpuRequest: 0.25, cpuLimit: 1 },
        }),
        { ...container('log', 'registry.example/log'), role: 'container' },
      ],
    });
  });

function imageOf(name: string): string {
  const images: Readonly<Record<string, string>> = {
    setup: 'registry.example:5000/team/setup:1',
    mesh: 'registry.example/mesh:2',
    app: 'registry.example/team/web-3:1.3',
  };
  return images[name] ?? 'registry.example/log:latest';
}

const withTag = <C extends { image: object }>(container: C, tag: string, more: object) => ({
  ...container,
  image: { ...container.image, tag },
  ...more,
});

const base = madePod(0);
const only = (status: object, spec: object = {}) =>
  podFacts({ metadata: { uid: 'u' }, spec: { containers: [{ name: 'a' }], ...spec }, status })?.containers;
const containerd = `containerd://${'a'.repeat(64)}`;

test('the container before the last restart is named too, as the restart before', () => {
  const [, , before, now] = podFacts(madePod(1, { restarts: 3 }))?.containers ?? [];
  assert.equal(before?.id, containerIdOf(1, 'app', 2));
  assert.equal(before?.restartCount, 2);
  assert.equal(now?.id, containerIdOf(1, 'app', 3));
  assert.equal(now?.restartCount, 3);
});

test('an ended container without a restart is one fact', () => {
  const state = { terminated: { containerID: containerd } };
  const status = { name: 'a', restartCount: 0, containerID: containerd, state, lastState: state };
  assert.equal(only({ containerStatuses: [status] })?.length, 1);
});

test("a mirror pod has the hash of its cgroup's path, and its node is no owner", () => {
  const hash = '7260904bbd08e72e4dff95d9fccd2ee8';
  const mirror = podFacts({
    ...base,
    metadata: {
      ...base.metadata,
      annotations: { 'kubernetes.io/config.mirror': hash, 'kubernetes.io/config.source': 'file' },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'node1', uid: 'n', controller: true }],
    },
  });
  assert.equal(mirror?.pod.uid, uidOf(0));
  assert.equal(mirror?.pod.configHash, hash);
  assert.equal(mirror?.pod.owners, undefined);
});

test('a static pod of a kubelet has its hash as uid', () => {
  const hash = '7260904bbd08e72e4dff95d9fccd2ee8';
  const metadata = { name: 'etcd-node1', uid: hash, annotations: { 'kubernetes.io/config.hash': hash } };
  assert.deepEqual(podFacts({ metadata })?.pod, {
    uid: hash,
    configHash: hash,
    name: 'etcd-node1',
    annotations: { 'kubernetes.io/config.hash': hash },
  });
});

test('an owner reference that is no controller is ignored', () => {
  const ownerReferences = [
    { kind: 'ConfigMap', name: 'a', uid: 'b' },
    7,
    { controller: true, kind: 'Job', name: 'c' },
  ];
  assert.deepEqual(podFacts({ metadata: { uid: 'u', ownerReferences } })?.pod.owners, [
    { kind: 'Job', name: 'c' },
  ]);
});

test('resources in force go before requested ones', () => {
  const status = { name: 'a', containerID: containerd, resources: { limits: { cpu: '500m' } } };
  const spec = { containers: [{ name: 'a', resources: { limits: { cpu: '2' }, requests: { cpu: '1' } } }] };
  assert.deepEqual(only({ containerStatuses: [status] }, spec)?.[0]?.resources, { cpuLimit: 0.5 });
});

test('an ephemeral container is a container', () => {
  const status = { name: 'debug', containerID: containerd };
  const spec = { ephemeralContainers: [{ name: 'debug', image: 'busybox' }] };
  const [container] = only({ ephemeralContainerStatuses: [status] }, spec) ?? [];
  assert.equal(container?.role, 'ephemeral');
  assert.deepEqual(container?.image, { name: 'busybox' });
});

test('the id of a local image is no digest of a repository', () => {
  const status = {
    name: 'a',
    containerID: containerd,
    image: 'localhost/test:1',
    imageID: `sha256:${'b'.repeat(64)}`,
  };
  assert.deepEqual(only({ containerStatuses: [status] })?.[0]?.image, { name: 'localhost/test', tag: '1' });
});

const unreadable = [
  { name: 'a' },
  { name: 'a', containerID: '' },
  { name: 'a', containerID: 'containerd://' },
  { name: 'a', containerID: 'containerd://a/b' },
  { name: 'a', containerID: 7 },
  'text',
  null,
];
for (const status of unreadable)
  test(`the status ${JSON.stringify(status)} is of no container`, () => {
    assert.deepEqual(only({ containerStatuses: [status] }), []);
  });

for (const cpu of ['lots', '-1', {}, null, true, 'NaN'])
  test(`${JSON.stringify(cpu)} is no amount of CPU`, () => {
    const status = { name: 'a', containerID: containerd, resources: { limits: { cpu } } };
    assert.equal(only({ containerStatuses: [status] })?.[0]?.resources, undefined);
  });

test('a pod without a uid is skipped', () => {
  for (const pod of [undefined, null, 7, 'pod', [], {}, { metadata: { uid: 7 } }, { metadata: { uid: '' } }])
    assert.equal(podFacts(pod), undefined);
});

/** A pod in which anything, anywhere, is replaced by anything. */
const damagedPod = fc
  .tuple(fc.array(fc.nat(30), { minLength: 1, maxLength: 8 }), fc.jsonValue())
  .map(([path, damage]) => {
    const pod: unknown = JSON.parse(JSON.stringify(madePod(1, { restarts: 2 })));
    let at = pod as Record<string, unknown>;
    for (const [depth, step] of path.entries()) {
      const keys = Object.keys(at);
      const key = keys[step % keys.length];
      if (key === undefined) break;
      const inner = at[key];
      if (depth === path.length - 1 || typeof inner !== 'object' || inner === null) {
        at[key] = damage;
        break;
      }
      at = inner as Record<string, unknown>;
    }
    return pod;
  });

test('a damaged pod yields its valid fields, and never throws', () => {
  fc.assert(
    fc.property(damagedPod, (pod) => {
      const answer = podFacts(pod);
      for (const { id, podUid } of answer?.containers ?? []) {
        assert.equal(typeof id, 'string');
        assert.equal(podUid, answer?.pod.uid);
      }
    }),
    { numRuns: 500 },
  );
});
