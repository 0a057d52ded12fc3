import type { Attributes } from '@opentelemetry/api';
import type { Known, Name } from '../../explanations/answer.ts';
import { culpritAttributes } from '../../telemetry/attributes/culprit.ts';
import { nameOf } from '../../telemetry/attributes/readable-name.ts';
import { resourceAttributes } from '../../telemetry/attributes/resource.ts';
import { workloadAttributes } from '../../telemetry/attributes/workload.ts';
import type { Culprit } from './blame.ts';
import type { Observation } from './window.ts';

/** Names by which a person knows a victim or a culprit, as far as its attributes have them. */
type Named = Pick<Observation, 'name' | 'resource'>;

export function namesOfVictim({ resource: { attributes: of }, name }: Named): Name {
  return {
    name,
    ...defined({
      cgroup: text(of, resourceAttributes.cgroupPath.key),
      namespace: text(of, workloadAttributes.namespaceName.key),
      pod: text(of, workloadAttributes.podName.key),
      container: text(of, workloadAttributes.containerName.key),
      owner: ownerOf(of),
    }),
  };
}

export function namesOfCulprit({ name, attributes: of }: Culprit): Name {
  const [kind, owner] = [
    text(of, culpritAttributes.ownerKind.key),
    text(of, culpritAttributes.ownerName.key),
  ];
  return {
    name,
    ...defined({
      cgroup: text(of, culpritAttributes.cgroupPath.key),
      namespace: text(of, culpritAttributes.namespace.key),
      pod: text(of, culpritAttributes.podName.key),
      container: text(of, culpritAttributes.containerName.key),
      owner: owner && (kind ? `${kind} ${owner}` : owner),
    }),
  };
}

/** With the ids by which it is found. */
export function knownOf(named: Named, known: Pick<Known, 'key' | 'waitShare'>): Known {
  const { attributes } = named.resource;
  const ids = [
    workloadAttributes.containerId.key,
    workloadAttributes.podUid.key,
    workloadAttributes.unit.key,
    resourceAttributes.cgroupId.key,
  ];
  return {
    ...namesOfVictim(named),
    ...known,
    ids: ids.flatMap((id) => text(attributes, id) ?? []),
  };
}

const text = (of: Attributes, key: string) => nameOf(of, [key]);

const owners = [
  ['CronJob', workloadAttributes.cronJobName.key],
  ['Deployment', workloadAttributes.deploymentName.key],
  ['StatefulSet', workloadAttributes.statefulSetName.key],
  ['DaemonSet', workloadAttributes.daemonSetName.key],
  ['Job', workloadAttributes.jobName.key],
  ['ReplicaSet', workloadAttributes.replicaSetName.key],
] as const;

function ownerOf(of: Attributes): string | undefined {
  for (const [kind, key] of owners) {
    const name = text(of, key);
    if (name !== undefined) return `${kind} ${name}`;
  }
  return undefined;
}

function defined<T extends Readonly<Record<string, string | undefined>>>(
  of: T,
): { [Key in keyof T]?: string } {
  return Object.fromEntries(Object.entries(of).filter(([, value]) => value !== undefined)) as {
    [Key in keyof T]?: string;
  };
}
