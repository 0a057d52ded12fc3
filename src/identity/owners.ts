import type { OwnerFacts, PodFacts } from './facts.ts';

/**
 * The owners of a pod, the nearest first. A container runtime knows only the labels that controllers give their pods, and the
 * names they derive from their own.
 */
export function ownersOf(pod: PodFacts): readonly OwnerFacts[] {
  if (pod.owners) return pod.owners;
  const nearest = ownerByLabels(pod);
  if (!nearest) return [];
  const owned = { ...pod, owners: [nearest] };
  return withOwner(owned, deriveOwner(owned)).owners ?? [];
}

/**
 * The owner of a pod's owner, by the names that controllers give: a Deployment's ReplicaSet is called after it and after
 * the hash on its pods, a CronJob's Job after it and the minute it was due (before Kubernetes 1.21 the second); no minute
 * since 2017 looks like a date.
 */
export function deriveOwner({ owners, labels }: PodFacts): OwnerFacts | undefined {
  const [nearest] = owners ?? [];
  if (nearest?.kind === 'ReplicaSet') {
    const hash = labels?.['pod-template-hash'];
    const name =
      hash !== undefined && nearest.name.endsWith(`-${hash}`) ? nearest.name.slice(0, -hash.length - 1) : '';
    return owner('Deployment', name);
  }
  if (nearest?.kind !== 'Job') return undefined;
  return owner('CronJob', /^(.+)-(?:2[5-9]\d{6}|3\d{7}|1[5-9]\d{8})$/.exec(nearest.name)?.[1]);
}

export function withOwner(pod: PodFacts, owner: OwnerFacts | undefined): PodFacts {
  return owner === undefined ? pod : { ...pod, owners: [...(pod.owners ?? []).slice(0, 1), owner] };
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
