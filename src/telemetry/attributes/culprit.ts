import { attribute } from '../emits.ts';

/** The culprit of a part of a wait, on points and events. */
export const culpritAttributes = {
  cgroupId: attribute(
    'earshot.culprit.cgroup.id',
    'Cgroup that had the CPU, or whose quota had run out, or (`earshot.last_runner.time`) that ran last; `other` for the sum of all culprits beyond the named ones.',
  ),
  cgroupPath: attribute('earshot.culprit.cgroup.path', "Path of the culprit's cgroup."),
  kind: attribute('earshot.culprit.kind', 'Kind of the culprit, as `earshot.workload.kind`.'),
  name: attribute('earshot.culprit.name', 'Readable name of the culprit, as `earshot.workload.name`.'),
  containerId: attribute('earshot.culprit.container.id', 'Container of the culprit.'),
  podUid: attribute('earshot.culprit.pod.uid', 'Pod of the culprit.'),
  unit: attribute('earshot.culprit.unit', 'systemd unit of the culprit.'),
  namespace: attribute('earshot.culprit.namespace', "Namespace of the culprit's pod."),
  podName: attribute('earshot.culprit.pod.name', 'Pod of the culprit, by name.'),
  containerName: attribute('earshot.culprit.container.name', 'Container of the culprit, by name.'),
  ownerKind: attribute(
    'earshot.culprit.owner.kind',
    "Kind of the owner of the culprit's pod: `Deployment`, `CronJob`, ….",
  ),
  ownerName: attribute('earshot.culprit.owner.name', 'Name of that owner.'),
  qos: attribute('earshot.culprit.qos', "Kubernetes QoS class of the culprit's pod."),
  cpuRequest: attribute('earshot.culprit.cpu.request', 'CPUs that the culprit requests.'),
  cpuLimit: attribute('earshot.culprit.cpu.limit', 'CPUs that the culprit may use at most.'),
} as const;

/** The thread that ran before the one that waited, on events. */
export const lastRunnerAttributes = {
  cgroupId: attribute(
    'earshot.last.cgroup.id',
    'Cgroup of the last runner: the thread that had the CPU right before the wait ended. Often not the culprit.',
  ),
  name: attribute('earshot.last.name', 'Readable name of that cgroup, as `earshot.workload.name`.'),
  processId: attribute('earshot.last.pid', 'Thread id of the last runner.'),
  threadName: attribute('earshot.last.thread.name', "Name of the last runner's thread."),
} as const;

/** The value of `earshot.culprit.cgroup.id` for the sum of all culprits beyond the named ones. */
export const otherCulprit = 'other';

/** An attribute made of the key of a label of the culprit's pod that the configuration selects. */
export const culpritLabel = (key: string) => `earshot.culprit.label.${key}` as const;
