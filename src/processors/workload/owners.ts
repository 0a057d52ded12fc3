import type { OwnerFacts, PodFacts } from './facts.ts';

/**
 * What a pod belongs to, the nearest first. A container runtime knows only the labels that controllers give their pods, and
 * the names they make of their own.
 */
export function ownersOf(pod: PodFacts): readonly OwnerFacts[] {
  return pod.owners ?? ownersByLabels(pod);
}

function ownersByLabels({ name = '', labels = {} }: PodFacts): readonly OwnerFacts[] {
  const hash = labels['pod-template-hash'];
  if (hash !== undefined) {
    const replicaSet = withoutEnd(name, '-[a-z0-9]{5}');
    const deployment = replicaSet?.endsWith(`-${hash}`) ? replicaSet.slice(0, -hash.length - 1) : undefined;
    if (replicaSet && deployment)
      return [
        { kind: 'ReplicaSet', name: replicaSet },
        { kind: 'Deployment', name: deployment },
      ];
  }
  if (labels['statefulset.kubernetes.io/pod-name'] === name)
    return one('StatefulSet', withoutEnd(name, String.raw`-\d+`));
  if (labels['pod-template-generation'] !== undefined)
    return one('DaemonSet', withoutEnd(name, '-[a-z0-9]{5}'));
  const job = labels['batch.kubernetes.io/job-name'] ?? labels['job-name'];
  // a CronJob's Job is called after the minute at which it was due
  return [...one('Job', job), ...one('CronJob', withoutEnd(job ?? '', String.raw`-[23]\d{7}`))];
}

const withoutEnd = (name: string, end: string) => new RegExp(`^(.+)${end}$`).exec(name)?.[1];
const one = (kind: string, name: string | undefined): readonly OwnerFacts[] => (name ? [{ kind, name }] : []);
