import { execFile } from 'node:child_process';
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Answer } from '../../src/explanations/answer.ts';
import { outside } from './namespaces.ts';
import type { KubernetesNode } from './node.ts';

const checkout = fileURLToPath(new URL('../..', import.meta.url));
export const image = { newName: 'localhost/earshot-test/agent', newTag: '1' } as const;
const namespace = 'earshot';

export interface DeployedAgent {
  /** The whole log of its pod. */
  log(): string;
  /** What `earshot explain` prints in its pod; rejects where it has no answer. */
  explain(workload: string): Promise<Answer>;
  /** Deletes its pod, which delivers what it has. */
  stop(): Promise<void>;
}

/** In place of what the manifests' configuration has: a window each second, and sums that can be added up. */
const settings = [
  'receivers::scheduler::interval=1s',
  'receivers::scheduler::min_wait=2ms', // a slice of the fair scheduler is about 3 ms
  'receivers::cgroup::interval=1s',
  'exporters::otlp_grpc::temporality=delta',
];

/** The image of this checkout, in an archive that the caller removes. */
export async function buildAgentImage(archive: string): Promise<string> {
  const tag = `${image.newName}:${image.newTag}`;
  const script = join(checkout, 'scripts/build-image.ts');
  await promisify(execFile)(process.execPath, [script, archive, '--tag', tag]);
  return archive;
}

/** By the manifests users deploy, with image, endpoint and settings of its own, as users have them. */
export async function deployAgent(
  node: KubernetesNode,
  { endpoint, archive }: { readonly endpoint: string; readonly archive: string },
): Promise<DeployedAgent> {
  await node.importImage(archive);
  await node.kubectl(['apply', '--kustomize', writeOverlay(node.state, endpoint)]);
  const log = () =>
    globSync(join(outside(node.state, '/var/log/pods'), `${namespace}_*/*/*.log`))
      .map((file) => readFileSync(file, 'utf8'))
      .join('');
  return {
    log,
    async explain(workload) {
      const command = ['node', '/opt/earshot/dist/main.js', 'explain', workload, '--json'];
      const pod = [`--namespace=${namespace}`, `daemonset/${namespace}`];
      return JSON.parse(await node.kubectl(['exec', ...pod, '--', ...command]));
    },
    async stop() {
      const gone = ['--ignore-not-found', '--cascade=foreground', '--timeout=30s'];
      await node.kubectl(['delete', 'daemonset', `--namespace=${namespace}`, namespace, ...gone]);
    },
  };
}

function writeOverlay(state: string, endpoint: string): string {
  const folder = join(state, 'agent');
  mkdirSync(folder, { recursive: true });
  const container = {
    name: 'earshot',
    imagePullPolicy: 'Never',
    args: [
      'run',
      '--config',
      '/etc/earshot/earshot.yaml',
      '--watch',
      ...settings.flatMap((setting) => ['--set', setting]),
    ],
    env: [{ name: 'OTLP_ENDPOINT', value: `http://${endpoint}` }],
  };
  const patch = {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'earshot' },
    spec: { template: { spec: { containers: [container] } } },
  };
  const kustomization = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    namespace,
    resources: [relative(folder, join(checkout, 'config/kubernetes/base'))],
    images: [{ name: 'earshot', ...image }],
    patches: [{ patch: JSON.stringify(patch) }],
  };
  writeFileSync(join(folder, 'kustomization.yaml'), JSON.stringify(kustomization, null, 2));
  return folder;
}
