import { culpritAttributes } from '../../src/telemetry/attributes/culprit.ts';
import { workloadAttributes } from '../../src/telemetry/attributes/workload.ts';
import type { RealContainer } from './pods.ts';

/** Attributes the agent has to report of a container, from the API server's. */

const ownerKeys: Readonly<Record<string, string>> = {
  StatefulSet: workloadAttributes.statefulSetName.key,
  DaemonSet: workloadAttributes.daemonSetName.key,
  Job: workloadAttributes.jobName.key,
  ReplicaSet: workloadAttributes.replicaSetName.key,
};

/** `undefined` where the attribute must not be there. */
export type Expected = Readonly<Record<string, unknown>>;

export function attributesOf(container: RealContainer): Expected {
  const { owner } = container;
  const { kind, name } = topOwner(container);
  return {
    [workloadAttributes.containerId.key]: container.id,
    [workloadAttributes.namespaceName.key]: container.namespace,
    [workloadAttributes.podName.key]: container.pod,
    [workloadAttributes.podUid.key]: container.podUid,
    [workloadAttributes.podContainerName.key]: container.name,
    [workloadAttributes.restartCount.key]: container.restartCount,
    [workloadAttributes.qos.key]: container.qos,
    ...(container.cpuRequest === undefined
      ? {}
      : { [workloadAttributes.cpuRequest.key]: container.cpuRequest }),
    [workloadAttributes.cpuLimit.key]: container.cpuLimit,
    ...(owner && ownerKeys[owner.kind] ? { [ownerKeys[owner.kind] ?? '']: owner.name } : {}),
    ...(kind === 'Deployment' ? { [workloadAttributes.deploymentName.key]: name } : {}),
    ...(kind === 'CronJob' ? { [workloadAttributes.cronJobName.key]: name } : {}),
  };
}

export function culpritAttributesOf(container: RealContainer): Expected {
  const { kind, name } = topOwner(container);
  return {
    [culpritAttributes.containerId.key]: container.id,
    [culpritAttributes.namespace.key]: container.namespace,
    [culpritAttributes.podName.key]: container.pod,
    [culpritAttributes.podUid.key]: container.podUid,
    [culpritAttributes.containerName.key]: container.name,
    [culpritAttributes.ownerKind.key]: kind,
    [culpritAttributes.ownerName.key]: name,
    [culpritAttributes.qos.key]: container.qos,
    ...(container.cpuRequest === undefined
      ? {}
      : { [culpritAttributes.cpuRequest.key]: container.cpuRequest }),
    [culpritAttributes.cpuLimit.key]: container.cpuLimit,
  };
}

/** Of a ReplicaSet's pod its Deployment, of a cron job's Job the CronJob: their names begin alike. */
function topOwner({ owner }: RealContainer): { readonly kind?: string; readonly name?: string } {
  if (owner?.kind === 'ReplicaSet') return { kind: 'Deployment', name: owner.name.replace(/-[^-]+$/, '') };
  if (owner?.kind === 'Job' && /^tick-\d+$/.test(owner.name)) return { kind: 'CronJob', name: 'tick' };
  return owner?.kind === 'Node' ? {} : (owner ?? {});
}
