import type { Attributes, AttributeValue } from '@opentelemetry/api';
import type { ContainerFacts, OwnerFacts } from '../../identity/facts.ts';
import { type Identity, isGenerated } from '../../identity/identity.ts';
import { culpritAttributes } from '../../telemetry/attributes/culprit.ts';
import { resourceAttributes } from '../../telemetry/attributes/resource.ts';
import { workloadAttributes } from '../../telemetry/attributes/workload.ts';
import {
  annotated,
  annotationPrefix,
  containerService,
  defined,
  podService,
  type ServiceRules,
} from './service-attributes.ts';

export interface DescribeOptions extends ServiceRules {
  readonly clusterName?: string;
  readonly nodeName?: string;
  readonly withStartTime: boolean;
  /** Selected labels and annotations of a workload, as attributes. */
  selected(identity: Identity): { readonly victim: Attributes; readonly culprit: Attributes };
}

/** The attributes of a workload: on its own resource, and on points where it is the culprit. */
export interface Description {
  readonly identity: Identity;
  readonly victim: Attributes;
  readonly culprit: Attributes;
}

export type Describe = (identity: Identity) => Description;

/** Describes each identity once: an identity is the same object as long as its facts are the same. */
export function createDescribe(options: DescribeOptions): Describe {
  const cache = new WeakMap<Identity, Description>();
  return (identity) => {
    const cached = cache.get(identity);
    if (cached) return cached;
    const selected = options.selected(identity);
    const description = {
      identity,
      victim: { ...chosenFor(identity), ...selected.victim, ...describeVictim(identity, options) },
      culprit: { ...selected.culprit, ...describeCulprit(identity) },
    };
    cache.set(identity, description);
    return description;
  };
}

function describeVictim(identity: Identity, options: DescribeOptions): Attributes {
  const { kind, name, path, containerId, podUid, unit, qos, pod, owners = [], resources } = identity;
  return defined({
    [workloadAttributes.clusterName.key]: options.clusterName,
    [workloadAttributes.nodeName.key]: pod?.node ?? options.nodeName,
    [workloadAttributes.kind.key]: kind,
    [workloadAttributes.name.key]: name,
    [workloadAttributes.unit.key]: unit,
    [workloadAttributes.qos.key]: qos,
    [resourceAttributes.cgroupPath.key]: path,
    [workloadAttributes.cpuRequest.key]: resources?.cpuRequest,
    [workloadAttributes.cpuLimit.key]: resources?.cpuLimit,
    [workloadAttributes.namespaceName.key]: pod?.namespace,
    [workloadAttributes.podName.key]: pod?.name,
    [workloadAttributes.podUid.key]: podUid,
    [workloadAttributes.podStartTime.key]: options.withStartTime ? pod?.startTime : undefined,
    ...ownerAttributes(owners),
    [workloadAttributes.containerId.key]: containerId,
    [workloadAttributes.containerRuntime.key]: identity.runtime,
    ...containerAttributes(identity),
    [resourceAttributes.serviceName.key]: name,
    ...serviceOf(identity, options),
    [resourceAttributes.serviceInstanceId.key]: instanceOf(identity),
  });
}

/** Attributes set by annotations of the pod, except those that the agent sets itself. */
function chosenFor({ pod }: Identity): Attributes {
  const chosen = Object.entries(pod?.annotations ?? {})
    .filter(([key]) => key.startsWith(annotationPrefix))
    .map(([key, value]) => [key.slice(annotationPrefix.length), value] as const)
    .filter(([key]) => key !== '' && !key.startsWith('earshot.') && !isOwn(key));
  return Object.fromEntries(chosen);
}

const ownKeys = new Set(
  [...Object.values(resourceAttributes), ...Object.values(workloadAttributes)].map(
    ({ key }) => key as string,
  ),
);
const isOwn = (key: string) => ownKeys.has(key);

const ownerKeys: Readonly<Record<string, string>> = {
  Deployment: workloadAttributes.deploymentName.key,
  ReplicaSet: workloadAttributes.replicaSetName.key,
  StatefulSet: workloadAttributes.statefulSetName.key,
  DaemonSet: workloadAttributes.daemonSetName.key,
  Job: workloadAttributes.jobName.key,
  CronJob: workloadAttributes.cronJobName.key,
};

function ownerAttributes(owners: readonly OwnerFacts[]): Attributes {
  return Object.fromEntries(
    owners.flatMap(({ kind, name }) => {
      const key = Object.hasOwn(ownerKeys, kind) ? ownerKeys[kind] : undefined;
      return key === undefined ? [] : [[key, name]];
    }),
  );
}

function containerAttributes({ container, podUid }: Identity): Attributes {
  if (!container) return {};
  const { name, restartCount, image } = container;
  return {
    [workloadAttributes.containerName.key]: name,
    [workloadAttributes.podContainerName.key]: podUid === undefined ? undefined : name,
    [workloadAttributes.restartCount.key]: restartCount,
    [workloadAttributes.imageName.key]: image?.name,
    [workloadAttributes.imageTags.key]: listed(image?.tag),
    [workloadAttributes.imageDigests.key]:
      image?.digest === undefined ? undefined : [`${image.name}@${image.digest}`],
  };
}

const listed = (value: string | undefined): AttributeValue | undefined =>
  value === undefined ? undefined : [value];

function serviceOf({ pod, owners = [], container }: Identity, rules: ServiceRules): Attributes {
  if (pod) return podService({ pod, owners, container }, rules);
  return container ? containerService(container) : {};
}

/**
 * Globally unique, or a backend merges separate instances; undefined: only the cgroup itself is unique. A container's
 * cgroups below its own are others, and so is its pod's.
 */
function instanceOf(identity: Identity): string | undefined {
  const { kind, containerId, container, pod, isNested } = identity;
  if (kind !== 'container' || isNested || containerId === undefined) return undefined;
  const inPod = pod && container?.name !== undefined ? instanceInPod(identity, container) : undefined;
  return inPod ?? (isGenerated(containerId) ? containerId : undefined);
}

function instanceInPod(
  { pod, containersInPod = 0 }: Identity,
  { name = '', role = 'container' }: ContainerFacts,
): string | undefined {
  if (!pod) return undefined;
  const chosen = annotated(pod, resourceAttributes.serviceInstanceId.key);
  // The annotation is the pod's: its containers differ by name.
  if (chosen !== undefined) return role === 'container' && containersInPod < 2 ? chosen : `${chosen}.${name}`;
  return pod.namespace === undefined || pod.name === undefined
    ? undefined
    : `${pod.namespace}.${pod.name}.${name}`;
}

function describeCulprit(identity: Identity): Attributes {
  const {
    kind,
    name,
    path,
    containerId,
    podUid,
    unit,
    qos,
    container,
    pod,
    owners = [],
    resources,
  } = identity;
  const owner = owners.at(-1);
  return defined({
    [culpritAttributes.kind.key]: kind,
    [culpritAttributes.name.key]: name,
    [culpritAttributes.cgroupPath.key]: path,
    [culpritAttributes.containerId.key]: containerId,
    [culpritAttributes.podUid.key]: podUid,
    [culpritAttributes.unit.key]: unit,
    [culpritAttributes.namespace.key]: pod?.namespace,
    [culpritAttributes.podName.key]: pod?.name,
    [culpritAttributes.containerName.key]: container?.name,
    [culpritAttributes.ownerKind.key]: owner?.kind,
    [culpritAttributes.ownerName.key]: owner?.name,
    [culpritAttributes.qos.key]: qos,
    [culpritAttributes.cpuRequest.key]: resources?.cpuRequest,
    [culpritAttributes.cpuLimit.key]: resources?.cpuLimit,
  });
}
