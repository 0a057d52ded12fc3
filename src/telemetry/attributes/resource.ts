import {
  ATTR_SERVICE_INSTANCE_ID,
  ATTR_SERVICE_NAME,
  ATTR_SERVICE_NAMESPACE,
  ATTR_SERVICE_VERSION,
} from '@opentelemetry/semantic-conventions';
import { attribute } from '../emits.ts';

/** Attributes of a resource that receivers set; the `workload` processor adds to them and refines them. */
export const resourceAttributes = {
  serviceName: attribute(
    ATTR_SERVICE_NAME,
    "Name of the service by the conventions' rules (annotation, labels, owner, pod); otherwise the workload's name.",
  ),
  serviceNamespace: attribute(
    ATTR_SERVICE_NAMESPACE,
    'Namespace of the service by the same rules: annotation, or the namespace of the pod.',
  ),
  serviceVersion: attribute(ATTR_SERVICE_VERSION, 'Annotation, label, or tag and digest of the image.'),
  serviceInstanceId: attribute(
    ATTR_SERVICE_INSTANCE_ID,
    'Unique for each workload, so that a backend keeps their series apart; a restarted container keeps its id, as the conventions demand.',
  ),
  cgroupId: attribute(
    'earshot.cgroup.id',
    'Id of the cgroup directory (its inode number), in decimal; `kernel` for kernel threads.',
  ),
  cgroupPath: attribute(
    'earshot.cgroup.path',
    "Path of the cgroup below the hierarchy's root. Bytes that are no UTF-8 are octal (`\\377`), and so is a backslash before three octal digits.",
  ),
  // Not stable in the conventions yet, and therefore not exported by their main entry point; a test compares the key.
  hostName: attribute('host.name', 'Node on which the workload ran.'),
  schedExt: attribute(
    'earshot.sched_ext',
    'Set while a BPF scheduler (sched_ext) chooses CPUs: its name. Waits that it moves between CPUs are `unknown`, without culprits.',
  ),
  coreScheduling: attribute(
    'earshot.core_scheduling',
    'Set, to true, while threads have core-scheduling cookies: `idle` is then also time for which a CPU had to stay idle beside another cookie.',
  ),
  recording: attribute(
    'earshot.recording',
    'Set on replayed data only: description, place and time of the recording.',
  ),
} as const;
