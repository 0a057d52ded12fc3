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
} from '@opentelemetry/semantic-conventions';
import { attribute } from '../emits.ts';

/** What the workload of a cgroup is, on its resource. */
export const workloadAttributes = {
  kind: attribute(
    'earshot.workload.kind',
    'Kind of the workload: `container`, `pod`, `service`, `user`, `kernel`, ….',
  ),
  name: attribute(
    'earshot.workload.name',
    'Readable name of the workload: `namespace/pod/container`, a container, a systemd unit.',
  ),
  unit: attribute('earshot.workload.unit', 'systemd unit of the workload.'),
  qos: attribute(
    'earshot.workload.qos',
    "The pod's Kubernetes QoS class: `guaranteed`, `burstable`, `besteffort`.",
  ),
  cpuRequest: attribute('earshot.cpu.request', 'CPUs that the workload requests.'),
  cpuLimit: attribute(
    'earshot.cpu.limit',
    'CPUs that the workload may use at most; absent: no limit, or unknown.',
  ),
  clusterName: attribute(ATTR_K8S_CLUSTER_NAME, 'Cluster, as named in the configuration.'),
  nodeName: attribute(ATTR_K8S_NODE_NAME, 'Kubernetes node on which the workload runs.'),
  namespaceName: attribute(ATTR_K8S_NAMESPACE_NAME, 'Namespace of the pod.'),
  deploymentName: attribute(ATTR_K8S_DEPLOYMENT_NAME, 'Deployment the pod belongs to.'),
  replicaSetName: attribute(ATTR_K8S_REPLICASET_NAME, 'ReplicaSet the pod belongs to.'),
  statefulSetName: attribute(ATTR_K8S_STATEFULSET_NAME, 'StatefulSet the pod belongs to.'),
  daemonSetName: attribute(ATTR_K8S_DAEMONSET_NAME, 'DaemonSet the pod belongs to.'),
  jobName: attribute(ATTR_K8S_JOB_NAME, 'Job the pod belongs to.'),
  cronJobName: attribute(ATTR_K8S_CRONJOB_NAME, 'CronJob the pod belongs to.'),
  podName: attribute(ATTR_K8S_POD_NAME, 'Pod of the workload.'),
  podUid: attribute(
    ATTR_K8S_POD_UID,
    'UID of the pod; for a static pod without a known name, the hash in its cgroup path.',
  ),
  podStartTime: attribute(
    ATTR_K8S_POD_START_TIME,
    'Time at which the kubelet started the pod; only if `pod_start_time` is set.',
  ),
  podContainerName: attribute(ATTR_K8S_CONTAINER_NAME, 'Name of the container in its pod.'),
  restartCount: attribute(ATTR_K8S_CONTAINER_RESTART_COUNT, 'Restarts of the container before this one.'),
  containerId: attribute(ATTR_CONTAINER_ID, 'Container of the workload.'),
  // Not stable in the conventions yet, and therefore not exported by their main entry point; a test compares the keys.
  containerName: attribute('container.name', 'Name of the container in its runtime, or in its pod.'),
  containerRuntime: attribute('container.runtime.name', 'Runtime that runs the container.'),
  imageName: attribute(ATTR_CONTAINER_IMAGE_NAME, 'Image of the container, without tag and digest.'),
  imageTags: attribute(ATTR_CONTAINER_IMAGE_TAGS, 'Tag of the image, as a list.'),
  imageDigests: attribute(ATTR_CONTAINER_IMAGE_REPO_DIGESTS, 'Image with its digest, as a list.'),
} as const;

/** Attributes made of the keys of labels and annotations that the configuration selects. */
export const podLabel = ATTR_K8S_POD_LABEL;
export const podAnnotation = ATTR_K8S_POD_ANNOTATION;
