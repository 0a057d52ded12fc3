import {
  ATTR_CONTAINER_ID,
  ATTR_CONTAINER_IMAGE_NAME,
  ATTR_CONTAINER_IMAGE_REPO_DIGESTS,
  ATTR_CONTAINER_IMAGE_TAGS,
  ATTR_K8S_CLUSTER_NAME,
  ATTR_K8S_CONTAINER_NAME,
  ATTR_K8S_CONTAINER_RESTART_COUNT,
  ATTR_K8S_CRONJOB_NAME,
  ATTR_K8S_DAEMONSET_NAME,
  ATTR_K8S_DEPLOYMENT_NAME,
  ATTR_K8S_JOB_NAME,
  ATTR_K8S_NAMESPACE_NAME,
  ATTR_K8S_NODE_NAME,
  ATTR_K8S_POD_ANNOTATION,
  ATTR_K8S_POD_LABEL,
  ATTR_K8S_POD_NAME,
  ATTR_K8S_POD_START_TIME,
  ATTR_K8S_POD_UID,
  ATTR_K8S_REPLICASET_NAME,
  ATTR_K8S_STATEFULSET_NAME,
  ATTR_SERVICE_INSTANCE_ID,
  ATTR_SERVICE_NAME,
  ATTR_SERVICE_NAMESPACE,
  ATTR_SERVICE_VERSION,
} from '@opentelemetry/semantic-conventions';

/** The telemetry contract: every name the agent emits, written down here and nowhere else. `docs/METRICS.md` is generated from it. */

export const attributes = {
  containerId: ATTR_CONTAINER_ID,
  imageName: ATTR_CONTAINER_IMAGE_NAME,
  imageTags: ATTR_CONTAINER_IMAGE_TAGS,
  imageDigests: ATTR_CONTAINER_IMAGE_REPO_DIGESTS,
  clusterName: ATTR_K8S_CLUSTER_NAME,
  nodeName: ATTR_K8S_NODE_NAME,
  namespaceName: ATTR_K8S_NAMESPACE_NAME,
  deploymentName: ATTR_K8S_DEPLOYMENT_NAME,
  replicaSetName: ATTR_K8S_REPLICASET_NAME,
  statefulSetName: ATTR_K8S_STATEFULSET_NAME,
  daemonSetName: ATTR_K8S_DAEMONSET_NAME,
  jobName: ATTR_K8S_JOB_NAME,
  cronJobName: ATTR_K8S_CRONJOB_NAME,
  podName: ATTR_K8S_POD_NAME,
  podUid: ATTR_K8S_POD_UID,
  podStartTime: ATTR_K8S_POD_START_TIME,
  podContainerName: ATTR_K8S_CONTAINER_NAME,
  restartCount: ATTR_K8S_CONTAINER_RESTART_COUNT,
  serviceName: ATTR_SERVICE_NAME,
  serviceNamespace: ATTR_SERVICE_NAMESPACE,
  serviceVersion: ATTR_SERVICE_VERSION,
  serviceInstanceId: ATTR_SERVICE_INSTANCE_ID,
  // Conventions not stable yet, which their package asks not to import; a test compares them with it.
  containerName: 'container.name',
  containerRuntime: 'container.runtime.name',
  hostName: 'host.name',
  processId: 'process.pid',
  threadId: 'thread.id',
  threadName: 'thread.name',
  cpu: 'cpu.logical_number',

  cgroupId: 'earshot.cgroup.id',
  cgroupPath: 'earshot.cgroup.path',
  workloadKind: 'earshot.workload.kind',
  workloadName: 'earshot.workload.name',
  workloadUnit: 'earshot.workload.unit',
  workloadQos: 'earshot.workload.qos',
  cpuRequest: 'earshot.cpu.request',
  cpuLimit: 'earshot.cpu.limit',
  recording: 'earshot.recording',

  cause: 'earshot.cause',
  waitClass: 'earshot.wait.class',

  culpritCgroupId: 'earshot.culprit.cgroup.id',
  culpritCgroupPath: 'earshot.culprit.cgroup.path',
  culpritKind: 'earshot.culprit.kind',
  culpritName: 'earshot.culprit.name',
  culpritContainerId: 'earshot.culprit.container.id',
  culpritPodUid: 'earshot.culprit.pod.uid',
  culpritUnit: 'earshot.culprit.unit',
  culpritNamespace: 'earshot.culprit.namespace',
  culpritPodName: 'earshot.culprit.pod.name',
  culpritContainerName: 'earshot.culprit.container.name',
  culpritOwnerKind: 'earshot.culprit.owner.kind',
  culpritOwnerName: 'earshot.culprit.owner.name',
  culpritQos: 'earshot.culprit.qos',
  culpritCpuRequest: 'earshot.culprit.cpu.request',
  culpritCpuLimit: 'earshot.culprit.cpu.limit',
  culpritTime: 'earshot.culprit.time',

  waitDuration: 'earshot.wait.duration',
  weight: 'earshot.weight',
  migrated: 'earshot.migrated',
  lastCgroupId: 'earshot.last.cgroup.id',
  lastName: 'earshot.last.name',
  lastProcessId: 'earshot.last.pid',
  lastThreadName: 'earshot.last.thread.name',
  elsewhereIdle: 'earshot.elsewhere.idle',
  elsewhereCpu: 'earshot.elsewhere.cpu',

  quotaLevel: 'earshot.quota.level',
  pressureResource: 'earshot.resource',
  pressureKind: 'earshot.pressure.kind',
} as const;

export type AttributeKey = (typeof attributes)[keyof typeof attributes];

/** The part of a single wait that fell to one kernel class or one cause, in seconds, on an `earshot.wait` event. */
export const waitPart = (classOrCause: string) => `earshot.wait.${classOrCause}` as const;

/** Attributes made of the keys of labels and annotations that the configuration selects. */
export const podLabel = ATTR_K8S_POD_LABEL;
export const podAnnotation = ATTR_K8S_POD_ANNOTATION;
export const culpritLabel = (key: string) => `earshot.culprit.label.${key}` as const;

export const attributeMeaning: Readonly<Record<AttributeKey, string>> = {
  'container.id': 'Container of the workload.',
  'container.name': 'What its runtime, or its pod, calls the container.',
  'container.runtime.name': 'Runtime that runs the container.',
  'container.image.name': 'Image of the container, without tag and digest.',
  'container.image.tags': 'Tag of the image, as a list.',
  'container.image.repo_digests': 'Image with its digest, as a list.',
  'k8s.cluster.name': 'Cluster, as the configuration names it.',
  'k8s.node.name': 'Node of Kubernetes on which the workload runs.',
  'k8s.namespace.name': 'Namespace of the pod.',
  'k8s.deployment.name': 'Deployment the pod belongs to.',
  'k8s.replicaset.name': 'ReplicaSet the pod belongs to.',
  'k8s.statefulset.name': 'StatefulSet the pod belongs to.',
  'k8s.daemonset.name': 'DaemonSet the pod belongs to.',
  'k8s.job.name': 'Job the pod belongs to.',
  'k8s.cronjob.name': 'CronJob the pod belongs to.',
  'k8s.pod.name': 'Pod of the workload.',
  'k8s.pod.uid': 'Pod of the workload; of a static pod whose name nobody knows, the hash that stands for it.',
  'k8s.pod.start_time': 'When the kubelet began with the pod, where `pod_start_time` asks for it.',
  'k8s.container.name': 'Name of the container in its pod.',
  'k8s.container.restart_count': 'How often the container had been started anew.',
  'service.name':
    "The service by the conventions' rules: annotation, labels, owner, pod; else the name people know the workload by.",
  'service.namespace': "The service's namespace, by the same rules: annotation, or that of the pod.",
  'service.version': 'Annotation, label, or tag and digest of the image.',
  'service.instance.id':
    'Unique for each workload, so that a backend keeps their series apart; the lives of a restarted container share it, as the conventions have it.',
  'host.name': 'Node on which it ran.',
  'process.pid': 'Process whose thread waited.',
  'thread.id': 'Thread that waited.',
  'thread.name': 'Name of the thread that waited.',
  'cpu.logical_number': 'CPU on which the wait ended.',
  'earshot.cgroup.id':
    'Id of the cgroup directory (its inode number), in decimal; `kernel` for kernel threads.',
  'earshot.cgroup.path': "Path of the cgroup below the hierarchy's root.",
  'earshot.workload.kind': 'What the cgroup is: `container`, `pod`, `service`, `user`, `kernel`, ….',
  'earshot.workload.name':
    'The name people know the workload by: `namespace/pod/container`, a container, a systemd unit.',
  'earshot.workload.unit': 'systemd unit of the workload.',
  'earshot.workload.qos': "Kubernetes' class of the pod: `guaranteed`, `burstable`, `besteffort`.",
  'earshot.cpu.request': 'CPUs the workload asks for.',
  'earshot.cpu.limit': 'CPUs the workload may use; absent: no limit, or not known.',
  'earshot.recording': 'Set when the data is a replay: what was recorded, where and when.',
  'earshot.cause': 'Why the workload waited; the causes are listed above.',
  'earshot.wait.class':
    "The kernel side's class of a wait, before the `contention` processor makes an `earshot.cause` of it.",
  'earshot.culprit.cgroup.id':
    'Cgroup that had the CPU, or whose quota ran out, or (messenger) that ran last; `other` for the sum of all beyond the named ones.',
  'earshot.culprit.cgroup.path': "Path of the culprit's cgroup.",
  'earshot.culprit.kind': 'What the culprit is, as `earshot.workload.kind`.',
  'earshot.culprit.name': 'The name people know the culprit by.',
  'earshot.culprit.container.id': 'Container of the culprit.',
  'earshot.culprit.pod.uid': 'Pod of the culprit.',
  'earshot.culprit.unit': 'systemd unit of the culprit.',
  'earshot.culprit.namespace': "Namespace of the culprit's pod.",
  'earshot.culprit.pod.name': 'Pod of the culprit, by name.',
  'earshot.culprit.container.name': 'Container of the culprit, by name.',
  'earshot.culprit.owner.kind': "What the culprit's pod belongs to: `Deployment`, `CronJob`, ….",
  'earshot.culprit.owner.name': 'Its name.',
  'earshot.culprit.qos': "Kubernetes' class of the culprit's pod.",
  'earshot.culprit.cpu.request': 'CPUs the culprit asks for.',
  'earshot.culprit.cpu.limit': 'CPUs the culprit may use.',
  'earshot.culprit.time':
    'Seconds of the wait during which the culprit had the CPU, or its quota had run out.',
  'earshot.wait.duration': 'Seconds from runnable to running.',
  'earshot.weight': 'Number of waits this event stands for; sums over events must be multiplied by it.',
  'earshot.migrated': 'The thread changed CPU while it waited.',
  'earshot.last.cgroup.id':
    'Cgroup that ran last before the thread; often only a messenger, not the culprit.',
  'earshot.last.name': 'The name people know that cgroup by.',
  'earshot.last.pid': 'Thread that ran last before.',
  'earshot.last.thread.name': 'Name of the thread that ran last before.',
  'earshot.elsewhere.idle':
    'Seconds, at least, for which another CPU that the thread may use was idle while it waited; the longest of any one CPU.',
  'earshot.elsewhere.cpu': 'That CPU.',
  'earshot.quota.level':
    'What the cgroup that holds the quota is: `container`; `pod`; `qos` (a class of pods) and `node` (all pods together); `unit` and `slice` of systemd; `nested` (made by a workload inside its own); `root`; any other `cgroup`.',
  'earshot.resource': 'What was short: `cpu`, `memory`, `io`, `irq` (interrupts took the CPU).',
  'earshot.pressure.kind':
    '`some`: at least one task stood still for want of it; `full`: all that had work did.',
};

export const causes = [
  'self',
  'sibling',
  'neighbor',
  'system',
  'kernel',
  'irq',
  'steal',
  'throttled',
  'throttled_ancestor',
  'idle',
  'unknown',
] as const;
export type Cause = (typeof causes)[number];

export const causeMeaning: Readonly<Record<Cause, string>> = {
  self: 'Threads of the same container, or of the same systemd service, had the CPU.',
  sibling: 'Another container of the same pod had it.',
  neighbor: 'Another pod or container had it.',
  system: 'A service outside all workloads had it.',
  kernel: 'A kernel thread had it.',
  irq: 'The CPU served interrupts.',
  steal: 'The hypervisor ran something else on the CPU.',
  throttled: "The workload's own limit: the quota of its container, pod or unit had run out.",
  throttled_ancestor: 'A quota above the workload, which others share, had run out.',
  idle: 'The CPU was idle: delay of the wake-up or of the placement.',
  unknown: 'Not known, and not hidden in another cause.',
};

export type MetricKind = 'sum' | 'gauge' | 'exponential_histogram';

export interface Metric {
  readonly name: string;
  readonly kind: MetricKind;
  /** UCUM. */
  readonly unit: string;
  readonly description: string;
  readonly attributes: readonly AttributeKey[];
  /** Though it counts things: there are parts of them, as of a CPU. */
  readonly hasParts?: true;
}

const culprit = [
  attributes.culpritCgroupId,
  attributes.culpritCgroupPath,
  attributes.culpritKind,
  attributes.culpritName,
  attributes.culpritContainerId,
  attributes.culpritPodUid,
  attributes.culpritUnit,
  attributes.culpritNamespace,
  attributes.culpritPodName,
  attributes.culpritContainerName,
  attributes.culpritOwnerKind,
  attributes.culpritOwnerName,
  attributes.culpritQos,
  attributes.culpritCpuRequest,
  attributes.culpritCpuLimit,
] as const;

export const metrics = {
  waitDuration: {
    name: 'earshot.wait.duration',
    kind: 'exponential_histogram',
    unit: 's',
    description:
      'Completed waits for CPU, from runnable to running; those still going on count in `earshot.wait.time` as they pass.',
    attributes: [],
  },
  waitTime: {
    name: 'earshot.wait.time',
    kind: 'sum',
    unit: 's',
    description: 'Time spent waiting for CPU, as it passes, by cause; the causes sum to the whole.',
    attributes: [attributes.cause],
  },
  blameTime: {
    name: 'earshot.blame.time',
    kind: 'sum',
    unit: 's',
    description:
      'The part of the waiting during which each culprit had the CPU, or its quota had run out; the main culprits by name, the rest as `other`.',
    attributes: [attributes.cause, ...culprit, attributes.quotaLevel],
  },
  messengerTime: {
    name: 'earshot.messenger.time',
    kind: 'sum',
    unit: 's',
    description:
      'Whole waits that ended when this culprit left the CPU to the workload: whom a look at the last to run would blame, often only a messenger. Where it differs from `earshot.blame.time`, that look misleads.',
    attributes: culprit,
  },
  preemptions: {
    name: 'earshot.preemptions',
    kind: 'sum',
    unit: '{preemption}',
    description: 'Times a thread was switched out while it could still run, by who took the CPU.',
    attributes: [attributes.cause, ...culprit],
  },
  runTime: {
    name: 'earshot.run.time',
    kind: 'sum',
    unit: 's',
    description: 'Time on CPU.',
    attributes: [],
  },
} as const satisfies Readonly<Record<string, Metric>>;

/** What the kernel says in the files of a cgroup, without eBPF. */
export const cgroupMetrics = {
  throttledTime: {
    name: 'earshot.throttled.time',
    kind: 'sum',
    unit: 's',
    description:
      "Time its CPUs were taken from a cgroup because its own quota had run out, summed over CPUs; the kernel's own figure (`cpu.stat`). Once, on the cgroup that holds the quota, never on those below it: a container has its container's, its pod the pod's, a slice the slice's. A kubelet limits a container and its pod alike, so what a pod of one container was throttled is the sum of both.",
    attributes: [attributes.quotaLevel],
  },
  throttledPeriods: {
    name: 'earshot.throttled.periods',
    kind: 'sum',
    unit: '{period}',
    description: 'Periods in which the quota of the cgroup ran out; on the cgroup that holds it.',
    attributes: [attributes.quotaLevel],
  },
  periods: {
    name: 'earshot.periods',
    kind: 'sum',
    unit: '{period}',
    description:
      'Periods of the quota in which the cgroup had something to run; on the cgroup that holds it.',
    attributes: [attributes.quotaLevel],
  },
  heldBackTime: {
    name: 'earshot.held_back.time',
    kind: 'sum',
    unit: 's',
    description:
      'Time the tasks of a cgroup itself were held back by a quota of its own or any above it, summed over CPUs (`cpu.stat.local`, Linux 6.6). Says who suffers from a quota that others share; on all cgroups below a quota. Not to be added to `earshot.throttled.time`, of which it is another view.',
    attributes: [],
  },
  pressureTime: {
    name: 'earshot.pressure.time',
    kind: 'sum',
    unit: 's',
    description:
      'Time during which tasks of a cgroup, or of those below it, stood still for want of a resource (pressure stall information). Cgroups of version 2 only.',
    attributes: [attributes.pressureResource, attributes.pressureKind],
  },
  cpuTime: {
    name: 'earshot.cpu.time',
    kind: 'sum',
    unit: 's',
    description:
      'CPU time of a cgroup and all below it, as the kernel accounts it: what counts against its quota. Of one level only may it be added up; `earshot.run.time` is that of its own tasks alone.',
    attributes: [],
  },
  cpuLimit: {
    name: 'earshot.cpu.limit',
    kind: 'gauge',
    unit: '{cpu}',
    description: 'Quota over period; absent where there is none. Those of the levels above hold as well.',
    attributes: [],
    hasParts: true,
  },
  cpuPeriod: {
    name: 'earshot.cpu.period',
    kind: 'gauge',
    unit: 's',
    description: 'Length of the period of the quota.',
    attributes: [],
  },
  cpuBurst: {
    name: 'earshot.cpu.burst',
    kind: 'gauge',
    unit: 's',
    description: 'CPU time it may save up and use above its quota in one period; absent if none.',
    attributes: [],
  },
  cpuWeight: {
    name: 'earshot.cpu.weight',
    kind: 'gauge',
    unit: '1',
    description:
      'Its part of the CPU beside its siblings in the hierarchy, 100 by default: `cpu.weight`, or `cpu.shares` × 100 / 1024 as the scheduler relates them.',
    attributes: [],
  },
  cpuCount: {
    name: 'earshot.cpu.count',
    kind: 'gauge',
    unit: '{cpu}',
    description: 'CPUs it may run on, by its cpuset.',
    attributes: [],
  },
} as const satisfies Readonly<Record<string, Metric>>;

export interface Event {
  readonly name: string;
  readonly description: string;
  readonly attributes: readonly AttributeKey[];
}

export const events = {
  wait: {
    name: 'earshot.wait',
    description: 'One wait for CPU: a long one, or a sample of the short ones.',
    attributes: [
      attributes.waitDuration,
      attributes.cause,
      attributes.processId,
      attributes.threadId,
      attributes.threadName,
      attributes.cpu,
      ...culprit,
      attributes.quotaLevel,
      attributes.culpritTime,
      attributes.lastCgroupId,
      attributes.lastName,
      attributes.lastProcessId,
      attributes.lastThreadName,
      attributes.elsewhereIdle,
      attributes.elsewhereCpu,
      attributes.weight,
      attributes.migrated,
    ],
  },
} as const satisfies Readonly<Record<string, Event>>;

/** What identifies a workload, on its resource. */
export const resourceAttributes = [
  attributes.serviceName,
  attributes.serviceNamespace,
  attributes.serviceVersion,
  attributes.serviceInstanceId,
  attributes.cgroupId,
  attributes.cgroupPath,
  attributes.workloadKind,
  attributes.workloadName,
  attributes.workloadUnit,
  attributes.workloadQos,
  attributes.cpuRequest,
  attributes.cpuLimit,
  attributes.clusterName,
  attributes.nodeName,
  attributes.namespaceName,
  attributes.deploymentName,
  attributes.replicaSetName,
  attributes.statefulSetName,
  attributes.daemonSetName,
  attributes.jobName,
  attributes.cronJobName,
  attributes.podName,
  attributes.podUid,
  attributes.podStartTime,
  attributes.podContainerName,
  attributes.restartCount,
  attributes.containerId,
  attributes.containerName,
  attributes.containerRuntime,
  attributes.imageName,
  attributes.imageTags,
  attributes.imageDigests,
  attributes.hostName,
  attributes.recording,
] as const;

/** The culprit that stands for all beyond the named ones. */
export const otherCulprit = 'other';

/**
 * Reasons the kernel side counts that are no loss: nothing is missing from the totals. `kernelCounter` counts all others
 * as lost, so that a reason nobody has thought of is not hidden.
 */
export const kernelNotes: Readonly<Record<string, string>> = {
  suppressed: "events over the rate; the workload's next one carries their weight",
  no_slot: 'waits of cgroups beyond `max_workloads`, counted on the one that stands for them all',
  saturated: 'waits beyond the last histogram bucket, counted in it',
  progress_delayed:
    'waits in progress that could not be looked at, as their thread or CPU was just switching or the table of threads is full; the next reading, or their end, has them',
  switch_missed: 'switches the kernel did not tell of; the waits they ended have been made up for',
  reading_delayed: 'totals that were changing while they were read; the next reading has them',
};

/** The agent's own counters that this vocabulary adds to the Collector's; attributes name the component and the reason. */
export const counterNames = {
  kernelDropped: 'earshot.agent.kernel.dropped',
  kernelNoted: 'earshot.agent.kernel.noted',
  pointsDropped: 'earshot.agent.points.dropped',
  seriesForgotten: 'earshot.agent.series.forgotten',
  cgroupsDropped: 'earshot.agent.cgroups.dropped',
  sourceErrors: 'earshot.agent.source.errors',
  sourceLists: 'earshot.agent.source.lists',
  cgroupReadingsDropped: 'earshot.agent.cgroup.readings.dropped',
  itemsIdentified: 'earshot.agent.items.identified',
  itemsHeld: 'earshot.agent.items.held',
  itemsReleased: 'earshot.agent.items.released',
  itemsExcluded: 'earshot.agent.items.excluded',
  namesDropped: 'earshot.agent.names.dropped',
} as const;

export const counterMeaning: Readonly<Record<(typeof counterNames)[keyof typeof counterNames], string>> = {
  'earshot.agent.kernel.dropped':
    'Time, events or names that did not come out of the kernel, by component and reason.',
  'earshot.agent.kernel.noted': `What the kernel side notes and is no loss, by component and reason: ${listed(kernelNotes)}.`,
  'earshot.agent.points.dropped':
    'Data points an exporter had no room to accumulate, by exporter and reason.',
  'earshot.agent.series.forgotten':
    'Series an exporter stopped accumulating because nothing came for them any more; nothing is lost by it.',
  'earshot.agent.cgroups.dropped':
    'Names of cgroups that were forgotten before their time or could not be learnt, by reason: `limit_removed` and `limit_living` (more than `service::host::max_cgroups`; of the former, late data has no name), `unreadable` (a directory, with all below it).',
  'earshot.agent.source.errors':
    'Requests to a source of names (container runtime, kubelet, API server) that failed, by source and reason; they are made again. The same words for all sources: `absent` (this machine has none), `unreachable`, `tls_untrusted` (a certificate), `credentials`, `unauthorized`, `forbidden`, `not_found`, `gone` and `watch_ended` (a watch), `throttled`, `unimplemented`, `status` (another one), `timeout`, `connection_reset`, `too_large`, `invalid_response`, `closed`, `error` (our own).',
  'earshot.agent.source.lists': 'Complete lists of containers or pods read from a source of names.',
  'earshot.agent.cgroup.readings.dropped':
    'Readings of cgroups of which something is missing, by component and reason: `max_cgroups` (beyond that number, nothing was read), `permission`, `malformed`, `backwards` (a total had become smaller), or what the system said.',
  'earshot.agent.items.identified':
    'Data points and log records by whom they speak of (`role`: `victim`, `culprit`, `last`) and how far that is known (`outcome`): `named`; `path_only`, the path says what it is, and no source its name; `unknown`.',
  'earshot.agent.items.held': 'Data points and log records held back because a name was on its way.',
  'earshot.agent.items.released':
    'Those of them that went on, by reason: `named`; `expired`, the name did not come in time; `limit`, too many were held; `shutdown`.',
  'earshot.agent.items.excluded':
    'Data points and log records of workloads that are not to be reported, by reason: `include`, `exclude`, `ignore` (annotation), `scope`.',
  'earshot.agent.names.dropped':
    'Pods and containers (`reason`) forgotten too early because there were more than `max_known`.',
};

function listed(meanings: Readonly<Record<string, string>>): string {
  return Object.entries(meanings)
    .map(([name, meaning]) => `\`${name}\` (${meaning})`)
    .join('; ');
}

/** Where a reason the kernel side gives is counted. */
export const kernelCounter = (reason: string) =>
  Object.hasOwn(kernelNotes, reason) ? counterNames.kernelNoted : counterNames.kernelDropped;

/** Whether a counter counts something that was lost: its name says so, as the Collector's do. */
export const isLoss = (counter: string) => /\.(dropped|skipped)$|_(failed|refused)_/.test(counter);
