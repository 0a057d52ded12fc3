import type { OwnerFacts, PodFacts } from './facts.ts';
import { deriveOwner, withOwner } from './kubernetes/owners.ts';

/**
 * What a pod belongs to, the nearest first. A container runtime knows only the labels that controllers give their pods, and
 * the names they make of their own.
 */
export function ownersOf(pod: PodFacts): readonly OwnerFacts[] {
  if (pod.owners) return pod.owners;
  const nearest = ownerByLabels(pod);
  if (!nearest) return [];
  const owned = { ...pod, owners: [nearest] };
  return withOwner(owned, deriveOwner(owned)).owners ?? [];
}

function ownerByLabels({ name = '', labels = {} }: PodFacts): OwnerFacts | undefined {
  const hash = labels['pod-template-hash'];
  const replicaSet = hash === undefined ? undefined : withoutEnd(name, '-[a-z0-9]{5}');
  if (replicaSet?.endsWith(`-${hash}`)) return { kind: 'ReplicaSet', name: replicaSet };
  if (labels['statefulset.kubernetes.io/pod-name'] === name)
    return owner('StatefulSet', withoutEnd(name, String.raw`-\d+`));
  if (labels['pod-template-generation'] !== undefined)
    return owner('DaemonSet', withoutEnd(name, '-[a-z0-9]{5}'));
  return owner('Job', labels['batch.kubernetes.io/job-name'] ?? labels['job-name']);
}

const withoutEnd = (name: string, end: string) => new RegExp(`^(.+)${end}$`).exec(name)?.[1];
const owner = (kind: string, name: string | undefined) => (name ? { kind, name } : undefined);
