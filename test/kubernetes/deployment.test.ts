import assert from 'node:assert/strict';
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { culpritAttributes } from '../../src/telemetry/attributes/culprit.ts';
import { workloadAttributes } from '../../src/telemetry/attributes/workload.ts';
import { waitMetrics } from '../../src/telemetry/metrics/wait.ts';
import { type OtlpReceiver, startOtlpReceiver } from '../lab/otlp-receiver.ts';
import { buildAgentImage, type DeployedAgent, deployAgent, image } from './agent.ts';
import { loadImage } from './configuration.ts';
import { addresses, outside } from './namespaces.ts';
import { bringUp, type KubernetesNode } from './node.ts';
import type { ContainerdMajor } from './peers.ts';
import { points } from './received.ts';

/** The manifests on a real node. What the table in `config/kubernetes/README.md` says of rules and sockets is tried: each is taken away in turn. */

const major = (process.env.EARSHOT_TEST_CONTAINERD ?? '2') as ContainerdMajor;
const limitMs = 60_000;
const undo: (() => unknown)[] = [];
let node: KubernetesNode;
let backend: OtlpReceiver;
let agent: DeployedAgent;

before(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'earshot-image-'));
  undo.push(() => rmSync(folder, { recursive: true }));
  const archive = await buildAgentImage(join(folder, 'agent.tar'));
  node = await bringUp(major);
  undo.push(() => node.takeDown());
  backend = await startOtlpReceiver({ host: addresses.host });
  undo.push(() => backend.close());
  await node.kubectl(['apply', '--filename', '-'], JSON.stringify(owned));
  agent = await deployAgent(node, { endpoint: backend.endpoint, archive });
});
after(async () => {
  for (const step of undo.reverse()) await step();
});

const template = (name: string) => ({
  metadata: { labels: { app: name } },
  spec: {
    containers: [{ name: 'app', image: loadImage, imagePullPolicy: 'Never' }],
    terminationGracePeriodSeconds: 0,
  },
});

/** Pods with a ReplicaSet and a Job above them. */
const owned = {
  apiVersion: 'v1',
  kind: 'List',
  items: [
    {
      ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'default' } },
      spec: { selector: { matchLabels: { app: 'web' } }, template: template('web') },
    },
    {
      ...{ apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'report', namespace: 'default' } },
      spec: {
        template: { ...template('report'), spec: { ...template('report').spec, restartPolicy: 'Never' } },
      },
    },
  ],
};

interface Pod {
  readonly metadata: { readonly name: string; readonly uid: string; readonly deletionTimestamp?: string };
  readonly spec: { readonly serviceAccountName: string };
  readonly status: { readonly containerStatuses?: readonly { readonly restartCount: number }[] };
}

const agents = async () =>
  (await node.read<{ readonly items: readonly Pod[] }>('pods', '--namespace=earshot')).items.filter(
    ({ metadata }) => !metadata.deletionTimestamp,
  );

function logOf({ metadata: { name, uid } }: Pod): string {
  const files = globSync(join(outside(node.state, `/var/log/pods/earshot_${name}_${uid}`), '*/*.log'));
  return files.map((file) => readFileSync(file, 'utf8')).join('');
}

/** The log of the only agent, once it has all these texts. */
async function logged(former: string | undefined, ...texts: readonly RegExp[]): Promise<string> {
  let log = '';
  for (const deadline = Date.now() + limitMs; Date.now() < deadline; await sleep(300)) {
    const [pod, ...others] = await agents();
    if (!pod || others.length > 0 || pod.metadata.uid === former) continue;
    log = logOf(pod);
    if (!texts.every((text) => text.test(log))) continue;
    assert.equal(pod.status.containerStatuses?.[0]?.restartCount, 0, `it was started anew:\n${log}`);
    return log;
  }
  const events = await node.kubectl([
    'get',
    'pods,events',
    '--namespace=earshot',
    '--sort-by=.metadata.creationTimestamp',
  ]);
  throw new Error(
    `the agent did not log ${texts.join(' and ')} within ${limitMs / 1000} s:\n${log}\n${events}`,
  );
}

async function until(what: string, isSo: () => boolean): Promise<void> {
  for (const deadline = Date.now() + limitMs; !isSo(); await sleep(200))
    if (Date.now() > deadline) throw new Error(`no ${what} within ${limitMs / 1000} s`);
}

/** Replaces the agent by one with other rights, as an update does. */
async function replace(patch: object, ...texts: readonly RegExp[]): Promise<string> {
  const [former] = await agents();
  const spec = JSON.stringify({ spec: { template: { spec: patch } } });
  await node.kubectl(['patch', 'daemonset', 'earshot', '--namespace=earshot', '--patch', spec]);
  return logged(former?.metadata.uid, ...texts);
}

interface ConfigMap {
  readonly metadata: { readonly name: string };
  readonly data?: Readonly<Record<string, string>>;
}

interface Rule {
  readonly resources: readonly string[];
}

/** A service account of its own, since kubelet and API server remember for minutes what another one may do. */
async function withoutRule(resource: string): Promise<{ readonly serviceAccountName: string }> {
  const name = `without-${resource.replace('/', '-')}`;
  const file = fileURLToPath(new URL('../../config/kubernetes/base/cluster-role.yaml', import.meta.url));
  const role = parse(readFileSync(file, 'utf8')) as { readonly rules: readonly Rule[] };
  const rules = role.rules.filter(({ resources }) => !resources.includes(resource));
  assert.equal(rules.length, role.rules.length - 1);
  const binding = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
    subjects: [{ kind: 'ServiceAccount', name, namespace: 'earshot' }],
  };
  const items = [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: 'earshot' } },
    { ...role, metadata: { name }, rules },
    { ...binding, kind: 'ClusterRoleBinding', metadata: { name } },
  ];
  await node.kubectl(['apply', '--filename', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  return { serviceAccountName: name };
}

const ready = (source: string) => new RegExp(`source is ready.*"source":"${source}"`);

test('with the rights of the manifests all sources are ready, and the self-test passes', async () => {
  const log = await logged(
    undefined,
    ready('cri'),
    ready('kubelet'),
    ready('kubernetes'),
    /Self-test passed\./,
  );
  assert.doesNotMatch(log, / warn /);
});

test('an edited ConfigMap is applied by the pod that runs', async () => {
  const [pod] = await agents();
  const { items } = await node.read<{ readonly items: readonly ConfigMap[] }>(
    'configmaps',
    '--namespace=earshot',
  );
  const map = items.find(({ data }) => data?.['earshot.yaml']);
  assert.ok(pod && map?.data?.['earshot.yaml']);
  const edited = `${map.data['earshot.yaml']}\n  telemetry: {logs: {sampling: {enabled: false}}}\n`;
  const { telemetry } = parse(map.data['earshot.yaml']).service;
  assert.equal(telemetry, undefined, 'it is appended to `service`, the last section');
  const patch = JSON.stringify({ data: { 'earshot.yaml': edited } });
  const namespace = '--namespace=earshot';
  await node.kubectl(['patch', 'configmap', map.metadata.name, namespace, '--patch', patch]);
  // The kubelet looks at the volumes of a pod that has changed at once, and else each minute.
  await node.kubectl(['annotate', 'pod', pod.metadata.name, namespace, 'earshot.test/edited=yes']);
  const applied = /Configuration applied\..*"reconfigured":\["service::telemetry::logs"\]/;
  await logged(undefined, /A configuration file has changed\./, applied);
  assert.equal((await agents())[0]?.metadata.uid, pod.metadata.uid);
});

test('without nodes/pods the kubelet answers 403, and the agent names the missing rule', async () => {
  const rights = await withoutRule('nodes/pods');
  await replace(rights, /cannot read pods from kubelet: .*nodes\/pods/, ready('cri'), ready('kubernetes'));
});

test('without pods the API server answers 403, and names come from runtime and kubelet', async () => {
  const rights = await withoutRule('pods');
  await replace(rights, /cannot read pods from kubernetes: .*pods/, ready('cri'), ready('kubelet'));
});

for (const resource of ['replicasets', 'jobs'])
  test(`without ${resource} owners are derived from pod names, and the agent warns`, async () => {
    const rights = await withoutRule(resource);
    await replace(rights, new RegExp(`cannot look up .*${resource}`), ready('kubernetes'));
  });

test('without runtime sockets names come from kubelet and API server', async () => {
  const sockets = ['containerd', 'crio', 'k3s'].map((name) => ({ name, $patch: 'delete' }));
  const volumeMounts = ['/run/containerd', '/run/crio', '/run/k3s/containerd'].map((mountPath) => ({
    ...{ mountPath, $patch: 'delete' },
  }));
  const patch = {
    serviceAccountName: 'earshot',
    volumes: sockets,
    containers: [{ name: 'earshot', volumeMounts }],
  };
  const log = await replace(patch, ready('kubelet'), ready('kubernetes'));
  assert.doesNotMatch(log, ready('cri'));
});

/** The example of the sidecar with image, endpoint and a load of its own, as users have them. */
function writeSidecarOverlay(): string {
  const folder = join(node.state, 'sidecar');
  const example = fileURLToPath(new URL('../../config/kubernetes/sidecar-example', import.meta.url));
  mkdirSync(folder, { recursive: true });
  const burst = 'while :; do i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done; sleep 0.05; done';
  const initContainers = [
    {
      name: 'earshot',
      imagePullPolicy: 'Never',
      args: ['run', '--config', '/etc/earshot/earshot.yaml', '--set', 'receivers::scheduler::interval=1s'],
      env: [{ name: 'OTLP_ENDPOINT', value: `http://${backend.endpoint}` }],
    },
  ];
  const containers = [{ name: 'shop', imagePullPolicy: 'Never', command: ['sh', '-c', burst] }];
  const patch = {
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'shop' } },
    spec: { template: { spec: { initContainers, containers, terminationGracePeriodSeconds: 5 } } },
  };
  const [newName, newTag] = loadImage.split(':');
  const kustomization = {
    ...{ apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization', namespace: 'default' },
    resources: [relative(folder, example)],
    images: [
      { name: 'earshot', ...image },
      { name: 'shop', newName, newTag },
    ],
    patches: [{ patch: JSON.stringify(patch) }],
  };
  writeFileSync(join(folder, 'kustomization.yaml'), JSON.stringify(kustomization));
  return folder;
}

test('a sidecar reports only its own pod, and no pod of a neighbor', async () => {
  await agent.stop();
  const from = Date.now();
  await node.kubectl(['apply', '--kustomize', writeSidecarOverlay()]);
  const waits = () => points(backend, waitMetrics.waitTime.name, { from });
  const blame = () => points(backend, waitMetrics.blameTime.name, { from });
  const containers = () =>
    new Set(waits().map(({ resource }) => resource[workloadAttributes.containerId.key]));
  await until('waits of both containers', () => containers().size >= 2);
  const { items } = await node.read<{ readonly items: readonly Pod[] }>('pods', '--selector=app=shop');
  const uid = items[0]?.metadata.uid;
  assert.ok(uid);
  for (const { resource } of [...waits(), ...blame()])
    assert.equal(resource[workloadAttributes.podUid.key], uid);
  assert.ok(blame().length > 0);
  for (const { point } of blame())
    assert.ok(
      [undefined, uid].includes(point.attributes[culpritAttributes.podUid.key] as string | undefined),
    );
});
