import { attributes as keys } from '../../src/telemetry/vocabulary.ts';
import type { RealContainer } from './pods.ts';

/** What the agent has to say of a container, from what the API server says of it. */

const ownerKeys: Readonly<Record<string, string>> = {
  StatefulSet: keys.statefulSetName,
  DaemonSet: keys.daemonSetName,
  Job: keys.jobName,
  ReplicaSet: keys.replicaSetName,
};

/** `undefined` where the attribute must not be there. */
export type Expected = Readonly<Record<string, unknown>>;

export function attributesOf(container: RealContainer): Expected {
  const { owner } = container;
  const { kind, name } = topOwner(container);
  return {
    [keys.containerId]: container.id,
    [keys.namespaceName]: container.namespace,
    [keys.podName]: container.pod,
    [keys.podUid]: container.podUid,
    [keys.podContainerName]: container.name,
    [keys.restartCount]: container.restartCount,
    [keys.workloadQos]: container.qos,
    ...(container.cpuRequest === undefined ? {} : { [keys.cpuRequest]: container.cpuRequest }),
    [keys.cpuLimit]: container.cpuLimit,
    ...(owner && ownerKeys[owner.kind] ? { [ownerKeys[owner.kind] ?? '']: owner.name } : {}),
    ...(kind === 'Deployment' ? { [keys.deploymentName]: name } : {}),
    ...(kind === 'CronJob' ? { [keys.cronJobName]: name } : {}),
  };
}

export function culpritAttributesOf(container: RealContainer): Expected {
  const { kind, name } = topOwner(container);
  return {
    [keys.culpritContainerId]: container.id,
    [keys.culpritNamespace]: container.namespace,
    [keys.culpritPodName]: container.pod,
    [keys.culpritPodUid]: container.podUid,
    [keys.culpritContainerName]: container.name,
    [keys.culpritOwnerKind]: kind,
    [keys.culpritOwnerName]: name,
    [keys.culpritQos]: container.qos,
    ...(container.cpuRequest === undefined ? {} : { [keys.culpritCpuRequest]: container.cpuRequest }),
    [keys.culpritCpuLimit]: container.cpuLimit,
  };
}

/** Of a ReplicaSet's pod its Deployment, of a cron job's Job the CronJob: their names begin alike. */
function topOwner({ owner }: RealContainer): { readonly kind?: string; readonly name?: string } {
  if (owner?.kind === 'ReplicaSet') return { kind: 'Deployment', name: owner.name.replace(/-[^-]+$/, '') };
  if (owner?.kind === 'Job' && /^tick-\d+$/.test(owner.name)) return { kind: 'CronJob', name: 'tick' };
  return owner?.kind === 'Node' ? {} : (owner ?? {});
}
