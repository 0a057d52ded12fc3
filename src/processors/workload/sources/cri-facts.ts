import type { ContainerFacts, PodFacts, ResourceFacts } from '../facts.ts';
import {
  type Container,
  type ContainerStatus,
  containerExited,
  type LinuxResources,
  type PodSandbox,
  sandboxReady,
} from './cri-messages.ts';
import { parseImageReference } from './image-reference.ts';
import type { Listing } from './runtime-client.ts';

/** Labels and annotations a kubelet adds to what the pod itself has. */
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

export function sandboxFacts({ id, metadata }: PodSandbox, runtime: string): ContainerFacts {
  return { id, runtime, role: 'sandbox', ...(metadata?.uid && { podUid: metadata.uid }) };
}

export function containerFacts(container: Container | ContainerStatus, runtime: string): ContainerFacts {
  const { id, metadata, labels, annotations } = container;
  const podUid = labels['io.kubernetes.pod.uid'];
  const name = labels['io.kubernetes.container.name'] || metadata?.name;
  const restarts = Number(annotations['io.kubernetes.container.restartCount'] ?? metadata?.attempt);
  const image = imageFacts(container);
  const resources =
    'resources' in container ? resourceFacts(container.resources?.linux ?? undefined) : undefined;
  return {
    id,
    runtime,
    ...(name && { name }),
    ...(podUid && { podUid }),
    ...(image && { image }),
    ...(Number.isInteger(restarts) && { restartCount: restarts }),
    labels: withoutOwn(labels),
    ...(resources && { resources }),
  };
}

/** Of the sandboxes of one pod the one that runs counts, else the latest. */
export function listing(
  sandboxes: readonly PodSandbox[],
  { containers, runtime }: { readonly containers: readonly Container[]; readonly runtime: string },
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
        facts: sandboxFacts(sandbox, runtime),
        hasEnded: sandbox.state !== sandboxReady,
        isComplete: true,
      })),
      ...containers.map((container) => ({
        facts: containerFacts(container, runtime),
        hasEnded: container.state === containerExited,
      })),
    ],
  };
}

/** What the user wrote goes before what the runtime resolved; either may be only the image's id. */
function imageFacts({ image, imageRef }: Container): ContainerFacts['image'] {
  const resolved = parseImageReference(imageRef);
  const named =
    parseImageReference(image?.userSpecifiedImage) ?? parseImageReference(image?.image) ?? resolved;
  return named && { ...named, ...(resolved?.digest && { digest: resolved.digest }) };
}

/** A kubelet gives `floor(1024 × request)` shares, but at least 2, which may also mean none. */
const fewestShares = 2;

function resourceFacts(linux: LinuxResources | undefined): ResourceFacts | undefined {
  if (!linux) return undefined;
  const { cpuPeriod, cpuQuota, cpuShares } = linux;
  return {
    ...(cpuShares > fewestShares && { cpuRequest: Math.ceil((cpuShares * 1000) / 1024) / 1000 }),
    ...(cpuQuota > 0 && cpuPeriod > 0 && { cpuLimit: cpuQuota / cpuPeriod }),
  };
}

function withoutOwn(labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(labels).filter(([key]) => !key.startsWith(ownLabels)));
}
