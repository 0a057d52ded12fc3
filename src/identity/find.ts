import { dirname } from 'node:path/posix';
import type { Cgroups } from '../cgroup/cgroups.ts';
import { cpuLimit } from '../cgroup/files/entitlement.ts';
import { identifyPath } from '../cgroup/path/identify.ts';
import type { PathIdentity } from '../cgroup/path/path-identity.ts';
import { type CgroupId, type Nanoseconds, seconds, type UnixNanoseconds } from '../telemetry/units.ts';
import type { ContainerFacts, PodFacts } from './facts.ts';
import { type Identity, identityOf, unknownCgroup } from './identity.ts';
import { LruCache } from './lru-cache.ts';
import type { IdentityStore } from './store.ts';

export interface FindOptions {
  readonly cgroups: Pick<Cgroups, 'path' | 'files'>;
  readonly store: IdentityStore;
  elapsed(): Nanoseconds;
}

export interface Finder {
  /** The workload that had a cgroup id at a time. */
  find(id: CgroupId, at: UnixNanoseconds): Identity;
  /** The workload of a cgroup path, which may be another machine's. */
  atPath(path: string): Identity;
}

/** The facts that an identity is made of. */
interface Inputs {
  readonly parsed: PathIdentity;
  readonly container: ContainerFacts | undefined;
  readonly pod: PodFacts | undefined;
  readonly containersInPod: number;
}

interface Entry extends Inputs {
  readonly identity: Identity;
  readonly readAt: Nanoseconds;
  /** Of the store, when the inputs were last compared with it. */
  revision: number;
}

/** Paths cached; some 3 KiB each. */
const maxPaths = 2048;
/** No event reports that a limit in the cgroup's files changed. */
const rereadAfter = seconds(60);

/** Returns the same object for a path until the facts about its container or pod change. */
export function createFinder(options: FindOptions): Finder {
  const { cgroups, store, elapsed } = options;
  const cache = new LruCache<string, Entry>(maxPaths);
  const atPath = (path: string): Identity => {
    const entry = cache.get(path);
    const now = elapsed();
    const isFresh = entry && now - entry.readAt < rereadAfter;
    if (isFresh && entry.revision === store.revision) return entry.identity;
    const { revision } = store;
    const inputs = inputsOf(entry?.parsed ?? identifyPath(path), store);
    if (isFresh && isSame(entry, inputs)) {
      entry.revision = revision;
      return entry.identity;
    }
    const isUnlisted =
      !inputs.container && inputs.containersInPod > 0 && isContainerOfPod(path, inputs.parsed);
    const limit = () => limitOf(path, { cgroups, known: entry?.identity.resources?.cpuLimit });
    const identity = identityOf({ ...inputs, path, isUnlisted, limit });
    cache.set(path, { ...inputs, identity, readAt: now, revision });
    return identity;
  };
  return {
    atPath,
    find(id, at) {
      const path = cgroups.path(id, at);
      return path === undefined ? unknownCgroup(String(id)) : atPath(path);
    },
  };
}

function inputsOf(parsed: PathIdentity, store: IdentityStore): Inputs {
  const container = parsed.containerId === undefined ? undefined : store.container(parsed.containerId);
  const uid = parsed.podUid ?? container?.podUid;
  const pod = uid === undefined ? undefined : store.pod(uid);
  return { parsed, container, pod, containersInPod: pod ? store.containersIn(pod.uid) : 0 };
}

const isSame = (a: Inputs, b: Inputs) =>
  a.container === b.container && a.pod === b.pod && a.containersInPod === b.containersInPod;

/** Directly below the pod's cgroup: deeper ones may be containers that run inside a container. */
function isContainerOfPod(path: string, { kind }: PathIdentity): boolean {
  return kind === 'container' && identifyPath(dirname(path)).kind === 'pod';
}

/** In CPUs. Of a cgroup removed meanwhile the limit it had: its last points would be another series without it. */
function limitOf(
  path: string,
  {
    cgroups: { files },
    known,
  }: { readonly cgroups: FindOptions['cgroups']; readonly known: number | undefined },
): number | undefined {
  try {
    const entitlement = files?.cpu(path);
    return entitlement ? cpuLimit(entitlement) : known;
  } catch {
    return known; // unreadable: the attribute is left out where it was never read, which means unknown
  }
}
