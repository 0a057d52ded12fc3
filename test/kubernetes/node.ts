import { execFile } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeCertificates } from './certificates.ts';
import * as configuration from './configuration.ts';
import { type Command, lastWords, runningPid, startDaemon, stopDaemons } from './daemons.ts';
import { writeLoadImage } from './load-image.ts';
import { createNamespaces, insideNode, outside } from './namespaces.ts';
import { type ContainerdMajor, containerRuntime, installed, kubernetesBinary } from './peers.ts';
import { type DaemonName, podTrees, takeDown, takeDownLeftover, useNode } from './take-down.ts';

/** Always the same, so that a run finds what one before it left. */
export const stateFolder = join(tmpdir(), 'earshot-kubernetes');
const answerLimitMs = 90_000;

/** A real Kubernetes node on this machine: etcd, API server, controllers, scheduler, containerd, kubelet. */
export interface KubernetesNode {
  readonly state: string;
  readonly kubeconfig: string;
  kubectl(args: readonly string[], input?: string): Promise<string>;
  /** What the API server answers to `get`. */
  read<T>(...what: readonly string[]): Promise<T>;
  importImage(archive: string): Promise<void>;
  /** A process in the node's network and mounts. */
  inside(command: Command): Command;
  /** Stops it as a service manager does, starts it again, and waits for its first answer. */
  restart(name: DaemonName): Promise<void>;
  takeDown(): Promise<void>;
}

/** Ready for pods when it resolves. Takes down first what an earlier run has left. */
export async function bringUp(major: ContainerdMajor): Promise<KubernetesNode> {
  const kubernetes = kubernetesBinary();
  const runtime = containerRuntime(major);
  const etcd = installed('etcd');
  const state = stateFolder;
  await takeDownLeftover(state);
  if (podTrees().length > 0)
    throw new Error(`cannot bring up a node: a kubelet runs here already (${podTrees().join(', ')} exist)`);
  mkdirSync(join(state, 'log'), { recursive: true });
  useNode(state);
  const bin = linkNames(state, kubernetes);
  await createNamespaces(state);
  const certificates = makeCertificates(state, configuration.nodeName);
  const kubeconfig = join(state, 'admin.conf');
  configuration.writeKubeconfig(kubeconfig, certificates.authority, certificates.admin);

  const env = { PATH: `${dirname(runtime.containerd)}:${process.env.PATH}` };
  const programs: Readonly<Record<DaemonName, Command>> = {
    etcd: { file: etcd, args: configuration.etcdArguments(state) },
    apiserver: { file: join(bin, 'kube-apiserver'), args: configuration.apiServerArguments(certificates) },
    controllers: {
      file: join(bin, 'kube-controller-manager'),
      args: configuration.controllersArguments(kubeconfig, certificates),
    },
    scheduler: { file: join(bin, 'kube-scheduler'), args: configuration.schedulerArguments(kubeconfig) },
    containerd: { file: runtime.containerd, args: configuration.containerdArguments(state, major), env },
    kubelet: {
      file: join(bin, 'kubelet'),
      args: configuration.kubeletArguments(state, kubeconfig, certificates),
    },
  };
  const kubectl = (args: readonly string[], input?: string) =>
    run(join(bin, 'kubectl'), ['--kubeconfig', kubeconfig, ...args], input);
  const ctr = (...args: readonly string[]) =>
    run(runtime.ctr, [
      '--address',
      outside(state, configuration.containerdSocket),
      '--namespace',
      'k8s.io',
      ...args,
    ]);
  /** How each shows that it works. The controllers and the scheduler show it when the first pod runs. */
  const probes: Partial<Record<DaemonName, () => Promise<unknown>>> = {
    apiserver: () => kubectl(['get', '--raw', '/readyz']),
    containerd: () => ctr('version'),
    kubelet: () => kubectl(['get', '--raw', `/api/v1/nodes/${configuration.nodeName}/proxy/healthz`]),
  };
  const start = async (name: DaemonName) => {
    startDaemon(state, name, insideNode(state, programs[name]));
    const probe = probes[name];
    if (probe) await answer(state, name, probe);
  };

  const node: KubernetesNode = {
    state,
    kubeconfig,
    kubectl,
    read: async (...what) => JSON.parse(await kubectl(['get', '--output', 'json', ...what])),
    importImage: async (archive) => {
      await ctr('images', 'import', archive);
    },
    inside: (command) => insideNode(state, command),
    async restart(name) {
      await stopDaemons(state, [name]);
      await start(name);
    },
    takeDown: () => takeDown(state),
  };
  try {
    await start('etcd');
    await Promise.all([start('apiserver'), start('containerd').then(() => importLoadImage(node))]);
    await Promise.all([start('controllers'), start('scheduler'), start('kubelet')]);
    const nodeReady = ['wait', '--for=condition=Ready', '--timeout=1s', `node/${configuration.nodeName}`];
    await answer(state, 'kubelet', () => kubectl(nodeReady));
    return node;
  } catch (error) {
    await takeDown(state);
    throw error;
  }
}

/** The program finds out from its name which component it is. */
function linkNames(state: string, kubernetes: string): string {
  const bin = join(state, 'bin');
  mkdirSync(bin);
  for (const name of ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubelet', 'kubectl'])
    symlinkSync(kubernetes, join(bin, name));
  return bin;
}

async function importLoadImage(node: KubernetesNode): Promise<void> {
  await node.importImage(writeLoadImage(node.state, configuration.loadImage));
}

async function answer(state: string, name: DaemonName, ask: () => Promise<unknown>): Promise<void> {
  for (const deadline = Date.now() + answerLimitMs; ; await sleep(200))
    try {
      await ask();
      return;
    } catch (cause) {
      if (Date.now() < deadline && runningPid(state, name) !== undefined) continue;
      const reason = Date.now() < deadline ? 'it ended' : `no answer within ${answerLimitMs / 1000} s`;
      throw new Error(`cannot start ${name}: ${reason}\n${lastWords(state, name)}`, { cause });
    }
}

function run(file: string, args: readonly string[], input?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const limits = { timeout: 60_000, maxBuffer: 64 * 1024 * 1024 };
    const child = execFile(file, args, limits, (error, stdout, stderr) =>
      error
        ? reject(
            new Error(`cannot run ${args.join(' ')}: ${(stderr + stdout).trim() || error.message}`, {
              cause: error,
            }),
          )
        : resolve(stdout),
    );
    child.stdin?.on('error', () => {}); // it has ended before it read that; its exit code says why
    child.stdin?.end(input);
  });
}
