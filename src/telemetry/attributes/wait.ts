import { attribute } from '../emits.ts';

/** What explains a part of a wait, on points and events. */
export const waitAttributes = {
  cause: attribute('earshot.cause', 'Cause of the wait, one of those listed above.'),
  class: attribute(
    'earshot.wait.class',
    "The kernel side's class of a wait, before the `contention` processor turns it into an `earshot.cause`.",
  ),
  quotaLevel: attribute(
    'earshot.quota.level',
    'Level of the cgroup that holds the quota: `container`; `pod`; `qos` (a class of pods) and `node` (all pods together); `unit` and `slice` of systemd; `nested` (made by a workload inside its own); `root`; any other `cgroup`.',
  ),
} as const;

/** The part of a single wait that fell to one kernel class or one cause, in seconds, on an `earshot.wait` event. */
export const waitPart = (classOrCause: string) => `earshot.wait.${classOrCause}` as const;

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
