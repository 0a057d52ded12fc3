import type { Static } from 'typebox';
import type { ConfigProblem } from '../../component.ts';
import { duration } from '../../config/schema/duration.ts';
import { Type } from '../../config/schema/type.ts';
import { causes } from '../../telemetry/attributes/wait.ts';

export const tailSchema = Type.Object(
  {
    min_wait: Type.Optional(duration({ description: 'Waits, or spans, at least this long.' })),
    causes: Type.Array(Type.Enum(causes), {
      default: [],
      description: 'Waits with one of these causes, such as `neighbor`; after the processor `contention`.',
    }),
    under_finding: Type.Boolean({
      default: false,
      description:
        'Waits of workloads that have a finding, from its begin to its end; its events must pass this processor, in any pipeline.',
    }),
  },
  {
    additionalProperties: false,
    description:
      'Waits that are kept whatever the other modes say, with the weight they have: those that fit any key.',
  },
);

export const probabilisticSchema = Type.Object(
  {
    percentage: Type.Number({
      minimum: 0.0001,
      maximum: 100,
      description: 'Waits to keep, of a hundred; their weight is divided by it.',
    }),
    attribute: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          'Attribute of item or resource whose hash decides, so that all with one value are kept or dropped together, in every agent. Default: the trace id; each wait for itself where it has none.',
      }),
    ),
    hash_seed: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 4_294_967_295,
        description: 'Agents with the same one keep the same values of `attribute`; default: 0.',
      }),
    ),
  },
  { additionalProperties: false, description: 'Keeps each wait with one probability.' },
);

export const rateLimitSchema = Type.Object(
  {
    events_per_second: Type.Number({
      default: 5,
      minimum: 0.001,
      maximum: 1_000_000,
      description: 'Waits of one workload that are kept, over time.',
    }),
    burst: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: 'Waits kept at once after a time without; default: those of a second, at least 1.',
      }),
    ),
    per: Type.Enum(['workload', 'workload_and_cpu'], {
      default: 'workload',
      description: 'What has a limit of its own: a workload, or a workload on one CPU.',
    }),
  },
  {
    additionalProperties: false,
    description:
      'A token bucket for each workload; of those over the rate one is kept at the next token, with the weight of all.',
  },
);

export const reservoirSchema = Type.Object(
  {
    longest: Type.Integer({
      default: 100,
      minimum: 0,
      maximum: 10_000,
      description: 'Waits of a window that are kept with the weight they have: the longest.',
    }),
    window: duration({
      default: '10s',
      minimum: '100ms',
      maximum: '10m',
      description: 'Length of a window; its waits go on when it ends.',
    }),
    bands_per_doubling: Type.Integer({
      default: 4,
      minimum: 1,
      maximum: 32,
      description:
        'Into how many bands each doubling of the duration is divided; of the other waits one is kept for each band, with the weight of all in it.',
    }),
    per: Type.Enum(['pipeline', 'workload'], {
      default: 'pipeline',
      description: 'What has a window of its own: all that passes, or each workload.',
    }),
  },
  {
    additionalProperties: false,
    description: 'Keeps the longest waits of each window, and some that stand for the others.',
  },
);

export const samplingConfig = Type.Object(
  {
    tail: Type.Optional(tailSchema),
    probabilistic: Type.Optional(probabilisticSchema),
    rate_limit: Type.Optional(rateLimitSchema),
    reservoir: Type.Optional(reservoirSchema),
    max_workloads: Type.Integer({
      default: 10_000,
      minimum: 1,
      description:
        'Workloads, or pairs of workload and CPU, with a state of their own in `rate_limit` and `reservoir`; beyond, the one without waits for the longest time makes room, and what is held of it goes on at once.',
    }),
    max_held: Type.Integer({
      default: 100_000,
      minimum: 1,
      description: 'Waits that `reservoir` holds; beyond, a workload makes room likewise.',
    }),
  },
  { additionalProperties: false },
);

export type SamplingConfig = Static<typeof samplingConfig>;

export function samplingProblems(config: SamplingConfig): readonly ConfigProblem[] {
  const { tail, probabilistic, rate_limit: rateLimit, reservoir } = config;
  const problems: ConfigProblem[] = [];
  if (!probabilistic && !rateLimit && !reservoir)
    problems.push({
      path: [],
      message: 'no mode drops anything: add "probabilistic", "rate_limit" or "reservoir"',
    });
  if (tail && tail.min_wait === undefined && tail.causes.length === 0 && !tail.under_finding)
    problems.push({ path: ['tail'], message: 'needs "min_wait", "causes" or "under_finding"' });
  if (probabilistic?.hash_seed !== undefined && probabilistic.attribute === undefined)
    problems.push({
      path: ['probabilistic', 'hash_seed'],
      message: 'is for the hash of an attribute: add "attribute", or leave it out',
    });
  return problems;
}
