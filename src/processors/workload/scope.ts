import type { Attributes } from '@opentelemetry/api';
import type { Cgroups } from '../../cgroup/cgroups.ts';
import { identifyPath } from '../../cgroup/path/identify.ts';
import { isBelow } from '../../cgroup/path/is-below.ts';
import type { Identity } from '../../identity/identity.ts';
import { culpritAttributes, lastRunnerAttributes } from '../../telemetry/attributes/culprit.ts';
import type { WorkloadConfig } from './config.ts';
import type { Description } from './describe.ts';

/** Which victims are reported, and which culprit attributes may be shown. */
export interface Scope {
  isVictim(identity: Identity): boolean;
  /** Whether a point may name this culprit. */
  isShown(culprit: Identity, victim: Identity | undefined): boolean;
  /** Then points about several may become equal. */
  readonly hides: boolean;
}

/** A node agent's: all victims and culprits. */
export const nodeScope: Scope = { isVictim: () => true, isShown: () => true, hides: false };

/**
 * A sidecar's: its own pod, by the uid in the API or the one in cgroup paths. Of others only their kind and cause, unless
 * names may be shown too. Cgroups above the pod in the hierarchy may be shown.
 */
export function podScope(ownPod: string, neighbors: 'class' | 'named'): Scope {
  const isOwn = ({ podUid, path }: Identity) => podUid === ownPod || path?.includes(ownPod) === true;
  return {
    isVictim: isOwn,
    hides: neighbors === 'class',
    isShown: (culprit, victim) =>
      neighbors === 'named' ||
      culprit.kind === 'kernel' ||
      culprit.kind === 'overflow' ||
      isOwn(culprit) ||
      isAbove(culprit, victim),
  };
}

function isAbove({ path }: Identity, victim: Identity | undefined): boolean {
  return path !== undefined && victim?.path !== undefined && isBelow(path, victim.path);
}

/** Throws if a sidecar's own pod is unknown: it would show data of others. */
export function openScope(
  { scope, pod_uid: podUid, neighbors }: Pick<WorkloadConfig, 'scope' | 'pod_uid' | 'neighbors'>,
  cgroups: Pick<Cgroups, 'path' | 'own'>,
): Scope {
  if (scope === 'node') return nodeScope;
  const ownPod = podUid || ownPodIn(cgroups);
  if (ownPod === undefined)
    throw new Error(
      'cannot keep to the own pod: the path of its cgroup has no pod; set pod_uid to "${env:POD_UID}", from metadata.uid by the downward API',
    );
  return podScope(ownPod, neighbors);
}

function ownPodIn(cgroups: Pick<Cgroups, 'path' | 'own'>): string | undefined {
  const own = cgroups.own();
  const path = own.kind === 'found' ? cgroups.path(own.id) : undefined;
  return path === undefined ? undefined : identifyPath(path).podUid;
}

/** Adds the attributes of the culprit and of the last runner. */
export function describeOthers(
  item: Attributes,
  { culprit, last }: { readonly culprit: Description | undefined; readonly last: Description | undefined },
  isShown: (identity: Identity) => boolean,
): Attributes {
  if (culprit && !last && isShown(culprit.identity)) return { ...item, ...culprit.culprit }; // nearly all points
  const described: Attributes = { ...item };
  if (culprit && isShown(culprit.identity)) Object.assign(described, culprit.culprit);
  else if (culprit) {
    delete described[culpritAttributes.cgroupId.key];
    described[culpritAttributes.kind.key] = culprit.identity.kind;
  }
  if (last && isShown(last.identity)) described[lastRunnerAttributes.name.key] = last.identity.name;
  else if (last) for (const key of lastKeys) delete described[key];
  return described;
}

/** Attributes that identify the last runner. */
const lastKeys = [
  lastRunnerAttributes.cgroupId.key,
  lastRunnerAttributes.name.key,
  lastRunnerAttributes.processId.key,
  lastRunnerAttributes.threadName.key,
] as const;
