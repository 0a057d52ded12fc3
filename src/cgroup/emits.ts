import { counter, level } from '../telemetry/emits.ts';

export const cgroupCounters = {
  known: level({
    name: 'earshot.agent.cgroups.known',
    unit: '{cgroup}',
    meaning: 'Cgroups with a known name, by state: `living`, or `removed` and kept for late data.',
  }),
  dropped: counter({
    name: 'earshot.agent.cgroups.dropped',
    unit: '{cgroup}',
    meaning:
      'Names of cgroups that were evicted early or could not be read, by reason: `limit_removed` and `limit_living` (more than `service::host::max_cgroups`; late data of the former has no name), `unreadable` (a directory, with all below it).',
    isLoss: true,
  }),
} as const;
