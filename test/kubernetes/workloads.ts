import { loadImage } from './configuration.ts';
import type { KubernetesNode } from './node.ts';

/**
 * What runs on the node while the agent looks on. All but those that have a limit share CPU 0 with the hog, so that
 * each workload waits for culprits whose names are known.
 */

const onCpu0 = (script: string) => ['taskset', '1', 'sh', '-c', script];
const burst = 'i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done';
/** About 2 % of a CPU, in short pieces: a workload that waits again and again. */
const serve = onCpu0(`while :; do ${burst}; sleep 0.05; done`);
const spinOnCpu1 = ['taskset', '2', 'sh', '-c', 'while :; do :; done'];
const spinAnywhere = ['sh', '-c', 'while :; do :; done'];
const spin = onCpu0('while :; do :; done');
const spinFor = (seconds: number) => onCpu0(`timeout ${seconds} sh -c 'while :; do :; done' || true`);
/** Once in the life of its pod it ends with an error. */
const failOnce = onCpu0(
  `[ -f /tmp/again ] && exec sh -c 'while :; do ${burst}; sleep 0.05; done'; n=0; while [ $n -lt 40 ]; do n=$((n+1)); ${burst}; sleep 0.05; done; echo >/tmp/again; exit 1`,
);

const container = (name: string, command: readonly string[], resources: Resources = {}) => ({
  name,
  image: loadImage,
  imagePullPolicy: 'Never',
  command,
  resources,
});

interface Resources {
  readonly requests?: Readonly<Record<string, string>>;
  readonly limits?: Readonly<Record<string, string>>;
}

/** Gone at once when deleted: a shell that is process 1 ignores SIGTERM. */
const podSpec = (containers: readonly object[], more: object = {}) => ({
  terminationGracePeriodSeconds: 0,
  automountServiceAccountToken: false,
  containers,
  ...more,
});

const metadata = (namespace: string, name: string) => ({ namespace, name });

const pod = (namespace: string, name: string, spec: object) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: metadata(namespace, name),
  spec,
});

/** A Deployment or StatefulSet. */
const replicated = (
  kind: string,
  namespace: string,
  name: string,
  spec: object,
  labels: object,
  more: object,
) => ({
  apiVersion: 'apps/v1',
  kind,
  metadata: metadata(namespace, name),
  spec: {
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name, ...labels } }, spec },
    ...more,
  },
});

const jobSpec = (command: readonly string[]) => ({
  template: { spec: podSpec([container('app', command)], { restartPolicy: 'Never' }) },
});

const namespaces = ['shop', 'batch'].map((name) => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name },
}));

/** Wants a third of a CPU in pieces of about 10 ms, and requests more than that. */
const compute = onCpu0('while :; do i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; sleep 0.02; done');
export const checkout = { namespace: 'shop', deployment: 'checkout', container: 'app' } as const;

export const hog = { namespace: 'batch', deployment: 'etl', container: 'hog' } as const;

export const workloads = [
  replicated(
    'Deployment',
    hog.namespace,
    hog.deployment,
    podSpec([container(hog.container, spin, { requests: { cpu: '100m' } })]),
    {},
    { replicas: 0 },
  ),
  replicated(
    'Deployment',
    checkout.namespace,
    checkout.deployment,
    podSpec([container(checkout.container, compute, { requests: { cpu: '500m' } })]),
    {},
    { replicas: 0 },
  ),
  replicated(
    'Deployment',
    'shop',
    'web',
    podSpec([container('app', serve, { requests: { cpu: '100m' }, limits: { cpu: '120m' } })]),
    { 'app.kubernetes.io/name': 'storefront', 'app.kubernetes.io/version': '2.1' },
    {},
  ),
  replicated(
    'StatefulSet',
    'shop',
    'db',
    podSpec([container('app', serve, { requests: { cpu: '100m' } })]),
    {},
    { serviceName: 'db' },
  ),
  // At its own limit all the time.
  pod(
    'shop',
    'ledger',
    podSpec([container('app', spinAnywhere, { limits: { cpu: '50m', memory: '32Mi' } })]),
  ),
  pod('batch', 'scratch', podSpec([container('app', serve)])),
  // A limit of the pod, and a smaller one of one of its containers, which wait for each other on one CPU.
  pod(
    'shop',
    'pair',
    podSpec(
      [
        container('front', spinOnCpu1),
        container('back', spinOnCpu1, { requests: { cpu: '20m' }, limits: { cpu: '20m' } }),
      ],
      { resources: { requests: { cpu: '100m' }, limits: { cpu: '100m' } } },
    ),
  ),
  pod(
    'shop',
    'prepared',
    podSpec([container('main', serve)], { initContainers: [container('prepare', spinFor(1))] }),
  ),
  pod(
    'shop',
    'flaky',
    podSpec([{ ...container('app', failOnce), volumeMounts: [{ name: 'memory', mountPath: '/tmp' }] }], {
      volumes: [{ name: 'memory', emptyDir: {} }],
    }),
  ),
  // Deleted while it is looked at.
  pod('batch', 'leaver', podSpec([container('app', serve)])),
  {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: metadata('batch', 'tick'),
    spec: { schedule: '* * * * *', jobTemplate: { spec: jobSpec(spinFor(1)) } },
  },
];

/** Lives 200 ms: gone before any periodic list of containers has it. */
export const blink = (name: string) => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: metadata('batch', name),
  spec: jobSpec(spinFor(0.2)),
});
/** Read by the kubelet from a file; the API server has a mirror of it with another uid. */
export const staticPod = pod('shop', 'beacon', podSpec([container('app', serve)]));

const asList = (items: readonly object[]) => JSON.stringify({ apiVersion: 'v1', kind: 'List', items });

/** The namespaces, and all this in them. No pod is let in before its namespace has a service account. */
export async function apply(node: KubernetesNode, items: readonly object[]): Promise<void> {
  await node.kubectl(['apply', '--filename', '-'], asList(namespaces));
  for (const namespace of namespaces)
    await node.kubectl([
      'wait',
      '--for=create',
      '--timeout=60s',
      `--namespace=${namespace.metadata.name}`,
      'serviceaccount/default',
    ]);
  await node.kubectl(['apply', '--filename', '-'], asList(items));
}
