import type { Attributes, AttributeValue } from '@opentelemetry/api';
import type { ContainerFacts, OwnerFacts } from '../../identity/facts.ts';
import { type Identity, isGenerated } from '../../identity/identity.ts';
import { type AttributeKey, attributes as keys, resourceAttributes } from '../../telemetry/vocabulary.ts';
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
  /** Regular containers of a pod. */
  containersIn(podUid: string): number;
}

/** What a cgroup's resource says, and what is said of it where it is a culprit. */
export interface Description {
  readonly victim: Attributes;
  readonly culprit: Attributes;
}

export function describe(identity: Identity, options: DescribeOptions): Description {
  const selected = options.selected(identity);
  return {
    victim: { ...chosenFor(identity), ...selected.victim, ...describeVictim(identity, options) },
    culprit: { ...selected.culprit, ...describeCulprit(identity) },
  };
}

function describeVictim(identity: Identity, options: DescribeOptions): Attributes {
  const { kind, name, path, containerId, podUid, unit, qos, pod, owners = [], resources } = identity;
  return defined({
    [keys.clusterName]: options.clusterName,
    [keys.nodeName]: pod?.node ?? options.nodeName,
    [keys.workloadKind]: kind,
    [keys.workloadName]: name,
    [keys.workloadUnit]: unit,
    [keys.workloadQos]: qos,
    [keys.cgroupPath]: path,
    [keys.cpuRequest]: resources?.cpuRequest,
    [keys.cpuLimit]: resources?.cpuLimit,
    [keys.namespaceName]: pod?.namespace,
    [keys.podName]: pod?.name,
    [keys.podUid]: podUid,
    [keys.podStartTime]: options.withStartTime ? pod?.startTime : undefined,
    ...ownerAttributes(owners),
    [keys.containerId]: containerId,
    [keys.containerRuntime]: identity.runtime,
    ...containerAttributes(identity),
    [keys.serviceName]: name,
    ...serviceOf(identity, options),
    [keys.serviceInstanceId]: instanceOf(identity, options),
  });
}

/** Attributes that annotations of the pod set, but for those that are known better here. */
function chosenFor({ pod }: Identity): Attributes {
  const chosen = Object.entries(pod?.annotations ?? {})
    .filter(([key]) => key.startsWith(annotationPrefix))
    .map(([key, value]) => [key.slice(annotationPrefix.length), value] as const)
    .filter(([key]) => key !== '' && !key.startsWith('earshot.') && !isOwn(key));
  return Object.fromEntries(chosen);
}

const isOwn = (key: string) => (resourceAttributes as readonly string[]).includes(key);

const ownerKeys: Readonly<Record<string, AttributeKey>> = {
  Deployment: keys.deploymentName,
  ReplicaSet: keys.replicaSetName,
  StatefulSet: keys.statefulSetName,
  DaemonSet: keys.daemonSetName,
  Job: keys.jobName,
  CronJob: keys.cronJobName,
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
    [keys.containerName]: name,
    [keys.podContainerName]: podUid === undefined ? undefined : name,
    [keys.restartCount]: restartCount,
    [keys.imageName]: image?.name,
    [keys.imageTags]: listed(image?.tag),
    [keys.imageDigests]: image?.digest === undefined ? undefined : [`${image.name}@${image.digest}`],
  };
}

const listed = (value: string | undefined): AttributeValue | undefined =>
  value === undefined ? undefined : [value];

function serviceOf({ pod, owners = [], container }: Identity, rules: ServiceRules): Attributes {
  if (pod) return podService({ pod, owners, container }, rules);
  return container ? containerService(container) : {};
}

/**
 * Unique everywhere, or a backend merges what must stay apart; undefined: nothing but the cgroup itself is. A container's
 * cgroups below its own are others, and so is its pod's.
 */
function instanceOf(identity: Identity, { containersIn }: DescribeOptions): string | undefined {
  const { kind, containerId, container, pod, isNested } = identity;
  if (kind !== 'container' || isNested || containerId === undefined) return undefined;
  const inPod =
    pod && container?.name !== undefined ? instanceInPod(identity, container, containersIn) : undefined;
  return inPod ?? (isGenerated(containerId) ? containerId : undefined);
}

function instanceInPod(
  { pod }: Identity,
  { name = '', role = 'container' }: ContainerFacts,
  containersIn: DescribeOptions['containersIn'],
): string | undefined {
  if (!pod) return undefined;
  const chosen = annotated(pod, keys.serviceInstanceId);
  // An annotation is the pod's: of several containers only the name tells them apart.
  if (chosen !== undefined)
    return role === 'container' && containersIn(pod.uid) < 2 ? chosen : `${chosen}.${name}`;
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
    [keys.culpritKind]: kind,
    [keys.culpritName]: name,
    [keys.culpritCgroupPath]: path,
    [keys.culpritContainerId]: containerId,
    [keys.culpritPodUid]: podUid,
    [keys.culpritUnit]: unit,
    [keys.culpritNamespace]: pod?.namespace,
    [keys.culpritPodName]: pod?.name,
    [keys.culpritContainerName]: container?.name,
    [keys.culpritOwnerKind]: owner?.kind,
    [keys.culpritOwnerName]: owner?.name,
    [keys.culpritQos]: qos,
    [keys.culpritCpuRequest]: resources?.cpuRequest,
    [keys.culpritCpuLimit]: resources?.cpuLimit,
  });
}
