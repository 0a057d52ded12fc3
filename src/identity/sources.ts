import type { Static, TObject } from 'typebox';
import type { ConfigProblem } from '../component.ts';
import type { Machine } from '../machine/machine.ts';
import { criConfig, openCri } from './containers/cri/cri.ts';
import { dockerConfig, openDocker, openPodman, podmanConfig } from './containers/docker/docker.ts';
import { accessProblems } from './kubernetes/access-config.ts';
import { kubernetesConfig, openKubernetes } from './kubernetes/api.ts';
import { kubeletConfig, openKubelet } from './kubernetes/kubelet.ts';
import type { Source, SourceContext, SourceName } from './source.ts';

/** Where sources look for sockets and addresses. */
export type SourcePlace = Pick<Machine, 'rootPath' | 'environment'>;

/** How a source is configured and opened. */
export interface SourceKind<Schema extends TObject = TObject> {
  /** Its keys in the configuration. */
  readonly config: Schema;
  readonly summary: string;
  check?(config: Static<Schema>): readonly ConfigProblem[];
  /** Starts nothing: the first `tick` does. */
  open(config: Static<Schema>, context: SourceContext, place: SourcePlace): Source;
}

const kind = <Schema extends TObject>(of: SourceKind<Schema>): SourceKind<Schema> => of;

/** All sources. */
export const sourceKinds: Readonly<Record<SourceName, SourceKind>> = {
  kubernetes: kind({
    config: kubernetesConfig,
    summary: 'The Kubernetes API: pods of this node and their owners.',
    check: accessProblems,
    open: openKubernetes,
  }),
  kubelet: kind({
    config: kubeletConfig,
    summary: 'The kubelet of this node: its pods.',
    check: accessProblems,
    open: openKubelet,
  }),
  cri: kind({
    config: criConfig,
    summary: "The node's container runtime, as the kubelet speaks with it.",
    open: openCri,
  }),
  docker: kind({ config: dockerConfig, summary: 'Docker.', open: openDocker }),
  podman: kind({ config: podmanConfig, summary: 'Podman; its service must run.', open: openPodman }),
};
