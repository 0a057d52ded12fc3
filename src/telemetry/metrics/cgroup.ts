import { waitAttributes } from '../attributes/wait.ts';
import { attribute, type Metric } from '../emits.ts';

export const pressureAttributes = {
  resource: attribute(
    'earshot.resource',
    'Resource that was short: `cpu`, `memory`, `io`, `irq` (interrupts took the CPU).',
  ),
  kind: attribute(
    'earshot.pressure.kind',
    '`some`: at least one task stood still for want of the resource; `full`: all tasks that had work did.',
  ),
} as const;

/** Metrics from the files of a cgroup: emitted by a receiver without eBPF, read by connectors. */
export const cgroupMetrics = {
  throttledTime: {
    name: 'earshot.throttled.time',
    kind: 'sum',
    unit: 's',
    meaning:
      "Time for which CPUs were taken from a cgroup because its own quota had run out, summed over CPUs; the kernel's own figure (`cpu.stat`). Reported on the cgroup that holds the quota, never on those below it. A kubelet sets the same quota on a container and its pod, so a pod of one container was throttled for the sum of both.",
    attributes: [waitAttributes.quotaLevel],
  },
  throttledPeriods: {
    name: 'earshot.throttled.periods',
    kind: 'sum',
    unit: '{period}',
    meaning: 'Periods in which the quota of the cgroup ran out; on the cgroup that holds it.',
    attributes: [waitAttributes.quotaLevel],
  },
  periods: {
    name: 'earshot.periods',
    kind: 'sum',
    unit: '{period}',
    meaning: 'Periods of the quota in which the cgroup had work; on the cgroup that holds it.',
    attributes: [waitAttributes.quotaLevel],
  },
  throttledLocalTime: {
    name: 'earshot.throttled.local.time',
    kind: 'sum',
    unit: 's',
    meaning:
      "Time for which the cgroup's own tasks were throttled by a quota of the cgroup or of any above it, summed over CPUs (`cpu.stat.local`, Linux 6.6). Shows which cgroups a shared quota throttles; on all cgroups below a quota. Another view of `earshot.throttled.time`: do not add the two.",
    attributes: [],
  },
  pressureTime: {
    name: 'earshot.pressure.time',
    kind: 'sum',
    unit: 's',
    meaning:
      'Time during which tasks of the cgroup, or of those below it, stood still for want of a resource (pressure stall information). Cgroup version 2 only.',
    attributes: [pressureAttributes.resource, pressureAttributes.kind],
  },
  cpuTime: {
    name: 'earshot.cpu.time',
    kind: 'sum',
    unit: 's',
    meaning:
      'CPU time of the cgroup and all below it, as the kernel charges it to the quota. Add up cgroups of one level only; `earshot.run.time` counts the own tasks of a cgroup alone.',
    attributes: [],
  },
  cpuLimit: {
    name: 'earshot.cpu.limit',
    kind: 'gauge',
    unit: '{cpu}',
    meaning: 'Quota over period; absent without a quota. The limits of the levels above apply as well.',
    attributes: [],
    hasParts: true,
  },
  cpuPeriod: {
    name: 'earshot.cpu.period',
    kind: 'gauge',
    unit: 's',
    meaning: 'Length of the period of the quota.',
    attributes: [],
  },
  cpuBurst: {
    name: 'earshot.cpu.burst',
    kind: 'gauge',
    unit: 's',
    meaning: 'CPU time that the cgroup may save up and use above its quota in one period; absent if none.',
    attributes: [],
  },
  cpuWeight: {
    name: 'earshot.cpu.weight',
    kind: 'gauge',
    unit: '1',
    meaning:
      'Share of the CPU relative to the siblings in the hierarchy, 100 by default: `cpu.weight`, or `cpu.shares` × 100 / 1024 as the scheduler relates them.',
    attributes: [],
  },
  cpuCount: {
    name: 'earshot.cpu.count',
    kind: 'gauge',
    unit: '{cpu}',
    meaning: 'CPUs in the cpuset of the cgroup.',
    attributes: [],
  },
} as const satisfies Readonly<Record<string, Metric>>;
