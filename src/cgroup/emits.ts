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
      'Names of cgroups that were evicted early or could not be read, by reason: `limit_removed` and `limit_living` (more than `service::host::max_cgroups`; late data of the former has no name), `limit_serials` (the same limit: a living cgroup by which the kernel side names culprits, until it is read again), `unreadable` (a directory, with all below it); and changes of cgroups that the kernel could not report, which a scan of the directories makes up for: `ring_full`, `path_truncated`, `record_malformed`.',
    isLoss: true,
  }),
} as const;
