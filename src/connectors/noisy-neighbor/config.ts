import type { Static } from 'typebox';
import type { ConfigProblem } from '../../component.ts';
import { duration } from '../../config/schema/duration.ts';
import { storageId } from '../../config/schema/storage-id.ts';
import { Type } from '../../config/schema/type.ts';
import { verdicts } from './verdicts.ts';

const closed = { additionalProperties: false };
/** One that may be left out. */
const section = { ...closed, default: {} };
const weight = (value: number) =>
  Type.Number({ default: value, minimum: 0, description: 'Its weight in the overall score.' });

export const severities = ['INFO', 'WARN', 'ERROR', 'FATAL'] as const;
export type Severity = (typeof severities)[number];

const severityRule = Type.Object(
  {
    severity: Type.Enum([...severities], { description: 'Severity of the finding.' }),
    score: Type.Number({ minimum: 0, maximum: 100, description: 'Least score of the verdict.' }),
    confidence_min: Type.Number({
      default: 0.7,
      minimum: 0,
      maximum: 1,
      description: 'Least confidence of the verdict.',
    }),
    sustained_for: duration({
      default: '0s',
      description: 'How long the rule must have held, beyond `sustained`.',
    }),
  },
  closed,
);

const escalation = Type.Object(
  {
    active_for: duration({ default: '0s', description: 'How long the finding has been active.' }),
    victims: Type.Integer({
      default: 1,
      minimum: 1,
      description: 'Workloads that the same culprit hurts at the same time, at least.',
    }),
    verdicts: Type.Array(Type.Enum([...verdicts]), {
      default: [],
      description: 'Verdicts to which the rule applies; none: to all.',
    }),
    severity: Type.Optional(Type.Enum([...severities], { description: 'Severity from then on.' })),
    attributes: Type.Record(Type.String(), Type.String(), {
      default: {},
      description: 'Attributes that the finding has from then on, for routing.',
    }),
  },
  closed,
);

export const noisyNeighborConfig = Type.Object(
  {
    score: Type.Object(
      {
        latency: Type.Object(
          {
            medium_p99: duration({ default: '1ms', description: '99th percentile of waits that scores 0.' }),
            high_p99: duration({ default: '10ms', description: '99th percentile of waits that scores 100.' }),
            weight: weight(0.4),
          },
          section,
        ),
        preemption: Type.Object(
          {
            points: Type.Number({
              default: 10,
              minimum: 0,
              description: 'Points for one preemption a second.',
            }),
            weight: weight(0.3),
          },
          section,
        ),
        resource: Type.Object({ weight: weight(0.3) }, section),
      },
      section,
    ),
    min_share: Type.Number({
      default: 0.05,
      minimum: 0,
      maximum: 1,
      description: 'Part of its runnable time that a workload must lose to a verdict for a finding.',
    }),
    min_time: duration({
      default: '10ms',
      description: 'Time in each second of a window that a workload must lose to a verdict for a finding.',
    }),
    sustained: Type.Object(
      {
        windows: Type.Integer({
          default: 2,
          minimum: 1,
          maximum: 30,
          description: 'Windows in which it held.',
        }),
        of: Type.Integer({ default: 3, minimum: 1, maximum: 30, description: 'Among so many windows.' }),
      },
      section,
    ),
    hysteresis: Type.Number({
      default: 0.7,
      minimum: 0,
      maximum: 1,
      description: "A finding ends when its score stays below this part of the lowest rule's score.",
    }),
    cool_down: duration({ default: '5m', description: 'Time after which an active finding is repeated.' }),
    severities: Type.Array(severityRule, {
      default: [
        { severity: 'WARN', score: 20 },
        { severity: 'ERROR', score: 50, sustained_for: '30s' },
      ],
      description: 'The most severe rule that holds gives the severity; none: no finding.',
    }),
    escalations: Type.Array(escalation, {
      default: [],
      description: 'What makes an active finding more severe.',
    }),
    baseline: Type.Object(
      {
        min_windows: Type.Integer({
          default: 12,
          minimum: 1,
          description: 'Windows from which a usual p99 is known.',
        }),
        seasonal: Type.Boolean({
          default: true,
          description: 'Compare with the same hour of the week, where that is known.',
        }),
      },
      section,
    ),
    max_workloads: Type.Integer({
      default: 4096,
      minimum: 1,
      description:
        'Workloads with a history; above it the ones that have not been seen for longest are forgotten.',
    }),
    max_retained: Type.Integer({
      default: 8_192,
      minimum: 1,
      description:
        'What is held for `earshot explain`, for at most an hour: a workload in a window counts one, in an older minute too. Some 600 bytes each. The default is an hour of 130 workloads, or seven minutes of 1,000. Beyond it windows of a minute are held together at once, then the oldest are evicted; the newest is held however large it is. Nothing is held where no `admin` extension listens.',
    }),
    storage: storageId(
      'Id of a storage extension, such as `file_storage`: what is usual, trends and active findings survive a restart.',
    ),
  },
  closed,
);

export type NoisyNeighborConfig = Static<typeof noisyNeighborConfig>;
export type SeverityRule = NoisyNeighborConfig['severities'][number];

export function noisyNeighborProblems(config: NoisyNeighborConfig): readonly ConfigProblem[] {
  const { score, sustained, severities: rules } = config;
  const problems: ConfigProblem[] = [];
  if (score.latency.high_p99 <= score.latency.medium_p99)
    problems.push({ path: ['score', 'latency', 'high_p99'], message: 'must be longer than medium_p99' });
  if (score.latency.weight + score.preemption.weight + score.resource.weight === 0)
    problems.push({ path: ['score'], message: 'at least one weight must be above 0' });
  if (sustained.windows > sustained.of)
    problems.push({ path: ['sustained', 'windows'], message: `must be at most \`of\` (${sustained.of})` });
  if (rules.length === 0)
    problems.push({ path: ['severities'], message: 'must have a rule; without any there is no finding' });
  return problems;
}
