import type { PathIdentity, Qos } from '../cgroup/path/path-identity.ts';
import type { ContainerFacts, OwnerFacts, PodFacts, ResourceFacts } from './facts.ts';
import { ownersOf } from './owners.ts';

/** The workload of a cgroup: its path and the facts of all sources, merged. */
export interface Identity {
  readonly kind: PathIdentity['kind'] | 'kernel' | 'overflow' | 'unknown';
  /** For display. */
  readonly name: string;
  /** `path_only`: the path gives its kind, and no source its name. */
  readonly outcome: 'named' | 'path_only' | 'unknown';
  readonly path?: string;
  readonly containerId?: string;
  readonly runtime?: string;
  readonly podUid?: string;
  readonly unit?: string;
  readonly qos?: Qos;
  readonly container?: ContainerFacts;
  readonly pod?: PodFacts;
  /** Known regular containers of the pod. */
  readonly containersInPod?: number;
  /** Of the pod, the nearest first. */
  readonly owners?: readonly OwnerFacts[];
  readonly resources?: ResourceFacts;
  /** A cgroup inside a container, not the container's own. */
  readonly isNested?: boolean;
  /** The container taken for the pod's sandbox because no source lists it in the pod; it may just be too new. */
  readonly unlistedId?: string;
}

/** Identities of ids that are no cgroup's. */
export const pseudoCgroups: Readonly<Record<string, Identity>> = {
  kernel: { kind: 'kernel', name: 'kernel threads', outcome: 'named' },
  idle: { kind: 'kernel', name: 'idle', outcome: 'named' },
  overflow: { kind: 'overflow', name: 'beyond max_workloads', outcome: 'unknown' },
};

/** A cgroup without a known path. */
export const unknownCgroup = (id: string): Identity => ({
  kind: 'unknown',
  name: `cgroup ${id}`,
  outcome: 'unknown',
});

export interface Found {
  readonly path: string;
  readonly parsed: PathIdentity;
  readonly container: ContainerFacts | undefined;
  readonly pod: PodFacts | undefined;
  readonly containersInPod: number;
  /** The containers of its pod are known, and it is none of them. */
  readonly isUnlisted: boolean;
  /** The limit in the cgroup's files, where no source has one. */
  readonly limit: () => number | undefined;
}

/**
 * A pause container is its pod: it only holds the pod's namespaces. Without a runtime as source it is the container that
 * no source lists.
 */
export function identityOf(found: Found): Identity {
  const { path, parsed, container, pod, containersInPod, isUnlisted, limit } = found;
  const { kind, containerId, podUid, qos = pod?.qos, unit } = parsed;
  const isSandbox = kind === 'container' && (isUnlisted || container?.role === 'sandbox');
  const isContainer = kind === 'container' && !isSandbox;
  const runtime = parsed.runtime ?? container?.runtime;
  const uid = pod?.uid ?? podUid ?? container?.podUid;
  const asked = isContainer
    ? (container?.resources ?? pod?.containerResources?.[container?.name ?? ''])
    : pod?.resources;
  // The kubelet gives a container without a limit its pod's, some time after the cgroup is made.
  const cpuLimit = asked?.cpuLimit ?? pod?.resources?.cpuLimit ?? (asked ? undefined : limit());
  const identity: Omit<Identity, 'name' | 'outcome'> = {
    kind: isSandbox ? 'pod' : kind,
    path,
    ...(isContainer && containerId !== undefined && { containerId }),
    ...(isContainer && runtime !== undefined && { runtime }),
    ...(isContainer && container && { container }),
    ...(uid !== undefined && { podUid: uid }),
    ...(unit !== undefined && { unit }),
    ...(qos !== undefined && { qos }),
    ...(pod && { pod, containersInPod, owners: ownersOf(pod) }),
    ...((asked || cpuLimit !== undefined) && {
      resources: { ...asked, ...(cpuLimit !== undefined && { cpuLimit }) },
    }),
    ...(containerId !== undefined && !isDirectoryOf(path, containerId) && { isNested: true }),
    ...(isUnlisted && containerId !== undefined && { unlistedId: containerId }),
  };
  return { ...identity, name: nameOf(identity, parsed), outcome: outcomeOf(identity, parsed) };
}

/** As much of an id as the tools of runtimes show. */
export function shorten(id: string): string {
  return isGenerated(id) ? id.slice(0, 12) : id;
}

/** A generated id, as opposed to a chosen name. */
export function isGenerated(id: string): boolean {
  return /^[0-9a-f]{32}/.test(id);
}

type Nameless = Omit<Identity, 'name' | 'outcome'>;

function nameOf(
  { kind, path, containerId, podUid, unit, pod, container }: Nameless,
  parsed: PathIdentity,
): string {
  const podName = pod?.name === undefined ? undefined : [pod.namespace, pod.name].filter(Boolean).join('/');
  switch (kind) {
    case 'container': {
      const own = container?.name ?? parsed.name ?? shorten(containerId ?? path ?? '');
      return podName === undefined ? own : `${podName}/${own}`;
    }
    case 'pod':
      return podName ?? `pod ${podUid?.slice(0, 8)}`;
    case 'root':
      return 'root cgroup';
    default:
      return parsed.name ?? unit ?? path ?? '';
  }
}

function outcomeOf(
  { kind, containerId, podUid, pod, container }: Nameless,
  parsed: PathIdentity,
): Identity['outcome'] {
  if (kind !== 'container' && kind !== 'pod') return 'named';
  const isPodNamed = podUid === undefined || pod?.name !== undefined;
  const isNamed =
    kind === 'pod' || (container?.name ?? parsed.name) !== undefined || !isGenerated(containerId ?? '');
  return isPodNamed && isNamed ? 'named' : 'path_only';
}

function isDirectoryOf(path: string, containerId: string): boolean {
  return path.replace(/\.scope$/, '').endsWith(containerId);
}
