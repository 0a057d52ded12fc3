import { dirname } from 'node:path/posix';
import type { Cgroups } from '../cgroup/cgroups.ts';
import { cpuLimit } from '../cgroup/files/entitlement.ts';
import type { CgroupFiles } from '../cgroup/files/files.ts';
import { identifyPath, type PathIdentity } from '../cgroup/path/identify.ts';
import { type DescribeOptions, type Description, describe } from '../processors/workload/describe.ts';
import { annotated } from '../processors/workload/service-attributes.ts';
import { resourceAttributes } from '../telemetry/attributes/resource.ts';
import { cgroupId, type Nanoseconds, seconds, type UnixNanoseconds } from '../telemetry/units.ts';
import type { ContainerFacts, PodFacts } from './facts.ts';
import { type Identity, identityOf, pseudoCgroups, unknownCgroup } from './identity.ts';
import { LruCache } from './lru-cache.ts';
import type { IdentityStore } from './store.ts';

export interface Identified extends Description {
  readonly identity: Identity;
}

export interface IdentifyOptions extends Omit<DescribeOptions, 'containersIn'> {
  readonly cgroups: Cgroups;
  readonly cgroupFiles: CgroupFiles | undefined;
  readonly store: IdentityStore;
  elapsed(): Nanoseconds;
}

/** Who had a cgroup id (decimal, or a stand-in) at a time. */
export type Identify = (id: string, at: UnixNanoseconds) => Identified;

/** What was found for a path, and from what. */
interface Entry {
  readonly parsed: PathIdentity;
  readonly container: ContainerFacts | undefined;
  readonly pod: PodFacts | undefined;
  readonly containersInPod: number;
  readonly readAt: Nanoseconds;
  readonly identified: Identified;
}

/** Paths remembered; some 3 KiB each. */
const remembered = 2048;
/** Limits in the cgroup's files change without anybody being told. */
const readAgainAfter = seconds(60);

/** Remembers what it found as long as nothing new was said about that container and that pod. */
export function createIdentify(options: IdentifyOptions): Identify {
  const { cgroups, store, elapsed } = options;
  const containersIn = (podUid: string) => store.containersIn(podUid);
  const describeAll = (identity: Identity): Identified => ({
    identity,
    ...describe(identity, { ...options, containersIn }),
  });
  const fixed = new Map(Object.entries(pseudoCgroups).map(([id, identity]) => [id, describeAll(identity)]));
  const known = new LruCache<string, Entry>(remembered);

  return (id, at) => {
    const path = /^\d+$/.test(id) ? cgroups.path(cgroupId(BigInt(id)), at) : undefined;
    if (path === undefined) return fixed.get(id) ?? describeAll(unknownCgroup(id));
    const former = known.get(path);
    const parsed = former?.parsed ?? identifyPath(path);
    const container = parsed.containerId === undefined ? undefined : store.container(parsed.containerId);
    const uid = parsed.podUid ?? container?.podUid;
    const pod = uid === undefined ? undefined : store.pod(uid);
    const isCountNeeded =
      pod && (!container || annotated(pod, resourceAttributes.serviceInstanceId.key) !== undefined);
    const containersInPod = isCountNeeded ? store.containersIn(pod.uid) : 0;
    const now = elapsed();
    if (
      former &&
      former.container === container &&
      former.pod === pod &&
      former.containersInPod === containersInPod &&
      now - former.readAt < readAgainAfter
    )
      return former.identified;
    const identity = identityOf({
      ...{ path, parsed, container, pod, limit: () => quotaOf(path, options) },
      isUnlisted: !container && containersInPod > 0 && isContainerOfPod(path, parsed),
    });
    const identified = describeAll(identity);
    known.set(path, { parsed, container, pod, containersInPod, readAt: now, identified });
    return identified;
  };
}

/** Right below the pod's cgroup: what is deeper may be a container that another container runs. */
function isContainerOfPod(path: string, { kind }: PathIdentity): boolean {
  return kind === 'container' && identifyPath(dirname(path)).kind === 'pod';
}

/** In CPUs. */
function quotaOf(path: string, { cgroupFiles }: IdentifyOptions): number | undefined {
  try {
    const entitlement = cgroupFiles?.cpu(path);
    return entitlement && cpuLimit(entitlement);
  } catch {
    return undefined; // not to be read: it is only an attribute less, and absent means not known
  }
}
