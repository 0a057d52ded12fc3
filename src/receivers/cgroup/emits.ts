import { cgroupCounters } from '../../cgroup/emits.ts';
import { counter, type Emits } from '../../telemetry/emits.ts';
import { cgroupMetrics } from '../../telemetry/metrics/cgroup.ts';

export const readingsDropped = counter({
  name: 'earshot.agent.cgroup.readings.dropped',
  unit: '{reading}',
  meaning:
    'Incomplete readings of cgroups, by component and reason: `max_cgroups` (cgroups beyond that number are not read), `permission`, `malformed`, `backwards` (a total had become smaller), or an error of the system.',
  isLoss: true,
});

export const cgroupEmits: Emits = {
  metrics: Object.values(cgroupMetrics),
  counters: [readingsDropped, ...Object.values(cgroupCounters)],
};
