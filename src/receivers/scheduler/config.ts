import type { Static } from 'typebox';
import { cgroupPatterns } from '../../cgroup/patterns.ts';
import { duration } from '../../config/schema/duration.ts';
import { Type } from '../../config/schema/type.ts';

export const schedulerConfig = Type.Object(
  {
    interval: duration({
      default: '10s',
      minimum: '100ms',
      description: 'How often totals are read and emitted.',
    }),
    min_wait: duration({
      default: '5ms',
      minimum: '1us',
      description: 'A wait at least this long becomes an event.',
    }),
    sample: Type.Integer({
      default: 1000,
      minimum: 0,
      maximum: 1_000_000,
      description: 'One in so many shorter waits becomes an event, with that weight; 0: none.',
    }),
    events_per_second: Type.Number({
      default: 5,
      minimum: 0.01,
      maximum: 10_000,
      description:
        'Events a second of one workload on one CPU; those above it add to the weight of the next.',
    }),
    max_workloads: Type.Optional(
      Type.Integer({
        minimum: 16,
        maximum: 65_536,
        description:
          'Cgroups with totals of their own; the rest share one. Default: twice those that live at start, rounded up to a power of two, at least 512. Kernel memory each: 128 bytes a CPU and 128 more, and 512 bytes for each last-level cache, at least four and at most sixteen; the agent needs up to 68 bytes a CPU.',
      }),
    ),
    max_pairs: Type.Optional(
      Type.Integer({
        minimum: 16,
        maximum: 1_048_576,
        description:
          'Pairs of victim and culprit the kernel side remembers; the smallest make room for others. Default: 16 a workload, at least 4096; above 16384 8 a workload.',
      }),
    ),
    max_culprits: Type.Integer({
      default: 10,
      minimum: 1,
      maximum: 100,
      description: 'Culprits of one workload that are named; the rest are summed as `other`.',
    }),
    measure_cost: duration({
      default: '1h',
      description:
        'How often, at start first, the cost of the BPF programs is measured, over one interval in which each run takes some 50 ns longer; needs CAP_SYS_ADMIN. 0: never.',
    }),
    include: cgroupPatterns(
      'Cgroup paths to report as victims, from the root on (`/`, with `*` and `**`; everything below counts); default: all.',
    ),
    exclude: cgroupPatterns(
      'Cgroup paths not to report as victims, likewise; they are still named as culprits.',
    ),
  },
  { additionalProperties: false },
);

export type SchedulerConfig = Static<typeof schedulerConfig>;
