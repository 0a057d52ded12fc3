import type { ContainerFacts, PodFacts } from '../../facts.ts';
import type { Listing } from '../client.ts';
import type { ImageNames } from './images.ts';
import { type Container, containerExited, type PodSandbox, sandboxReady } from './messages.ts';

/** Labels and annotations that a kubelet adds to the pod's own. */
const ownLabels = 'io.kubernetes.';

export function podFacts({ metadata, labels, annotations }: PodSandbox): PodFacts | undefined {
  if (!metadata?.uid) return undefined;
  const configHash = annotations['kubernetes.io/config.hash'];
  return {
    uid: metadata.uid,
    ...(configHash && { configHash }),
    name: metadata.name,
    namespace: metadata.namespace,
    labels: withoutOwn(labels),
    annotations,
  };
}

export function sandboxFacts({ id, metadata }: PodSandbox, { runtime }: RuntimeContext): ContainerFacts {
  return { id, runtime, role: 'sandbox', ...(metadata?.uid && { podUid: metadata.uid }) };
}

/** Without resources: they may change while it runs, and its cgroup has the current ones. */
export function containerFacts(container: Container, { runtime, images }: RuntimeContext): ContainerFacts {
  const { id, metadata, labels, annotations } = container;
  const podUid = labels['io.kubernetes.pod.uid'];
  const name = labels['io.kubernetes.container.name'] || metadata?.name;
  const restarts = Number(annotations['io.kubernetes.container.restartCount'] ?? metadata?.attempt);
  const image = images.find(container);
  return {
    id,
    runtime,
    ...(name && { name }),
    ...(podUid && { podUid }),
    ...(image && { image }),
    ...(Number.isInteger(restarts) && { restartCount: restarts }),
    labels: withoutOwn(labels),
  };
}

/** Properties of the runtime that all its containers share. */
export interface RuntimeContext {
  readonly runtime: string;
  readonly images: ImageNames;
}

/** Of several sandboxes of a pod the running one holds, else the latest. */
export function listing(
  sandboxes: readonly PodSandbox[],
  { containers, known }: { readonly containers: readonly Container[]; readonly known: RuntimeContext },
): Listing {
  const byAge = [...sandboxes].sort(
    (a, b) =>
      Number(a.state === sandboxReady) - Number(b.state === sandboxReady) ||
      (a.metadata?.attempt ?? 0) - (b.metadata?.attempt ?? 0),
  );
  const pods = new Map(byAge.flatMap((sandbox) => podFacts(sandbox) ?? []).map((pod) => [pod.uid, pod]));
  return {
    pods: [...pods.values()],
    containers: [
      ...sandboxes.map((sandbox) => ({
        facts: sandboxFacts(sandbox, known),
        hasEnded: sandbox.state !== sandboxReady,
        isComplete: true,
      })),
      ...containers.map((container) => ({
        facts: containerFacts(container, known),
        hasEnded: container.state === containerExited,
        isComplete: true,
      })),
    ],
  };
}

function withoutOwn(labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(labels).filter(([key]) => !key.startsWith(ownLabels)));
}
