import type { Static, TObject } from 'typebox';
import type { ConfigProblem } from '../component.ts';
import type { Machine } from '../machine/machine.ts';
import { runtimeConfig } from './containers/config.ts';
import { accessProblems } from './kubernetes/access-config.ts';
import { kubeletConfig, kubernetesConfig } from './kubernetes/config.ts';
import type { Source, SourceContext, SourceName } from './source.ts';

/** Where sources look for sockets and addresses. */
export type SourcePlace = Pick<Machine, 'rootPath' | 'environment'>;

/** Starts nothing: the first `tick` does. */
type Open<Schema extends TObject> = (
  config: Static<Schema>,
  context: SourceContext,
  place: SourcePlace,
) => Source;

/** How a source is configured and opened. */
export interface SourceKind<Schema extends TObject = TObject> {
  /** Its keys in the configuration. */
  readonly config: Schema;
  readonly summary: string;
  check?(config: Static<Schema>): readonly ConfigProblem[];
  /** Only an agent that names workloads needs its code. */
  load(): Promise<Open<Schema>>;
}

const kind = <Schema extends TObject>(of: SourceKind<Schema>): SourceKind<Schema> => of;

/** All sources. */
export const sourceKinds: Readonly<Record<SourceName, SourceKind>> = {
  kubernetes: kind({
    config: kubernetesConfig,
    summary: 'The Kubernetes API: pods of this node and their owners.',
    check: accessProblems,
    load: async () => (await import('./kubernetes/api.ts')).openKubernetes,
  }),
  kubelet: kind({
    config: kubeletConfig,
    summary: 'The kubelet of this node: its pods.',
    check: accessProblems,
    load: async () => (await import('./kubernetes/kubelet.ts')).openKubelet,
  }),
  cri: kind({
    config: runtimeConfig({ example: '/run/containerd/containerd.sock' }),
    summary: "The node's container runtime, as the kubelet speaks with it.",
    load: async () => (await import('./containers/cri/cri.ts')).openCri,
  }),
  docker: kind({
    config: runtimeConfig({ example: '/run/docker.sock' }),
    summary: 'Docker.',
    load: async () => (await import('./containers/docker/docker.ts')).openDocker,
  }),
  podman: kind({
    config: runtimeConfig({ example: '/run/podman/podman.sock' }),
    summary: 'Podman; its service must run.',
    load: async () => (await import('./containers/docker/docker.ts')).openPodman,
  }),
};
