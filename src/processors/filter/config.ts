import type { Static } from 'typebox';
import { attributeRules, matchProblems, matchType, nameRules } from '../../attributes/match.ts';
import type { ConfigProblem } from '../../component.ts';
import { Type } from '../../config/schema/type.ts';
import { parseCondition } from './condition.ts';
import { severityNumbers } from './enums.ts';
import type { Context } from './paths.ts';
import { ConditionError } from './tokens.ts';

const conditions = (description: string) =>
  Type.Optional(Type.Array(Type.String({ minLength: 1 }), { minItems: 1, description }));

const dropped = (what: string) => conditions(`Conditions, any of which drops ${what}.`);
const resourceConditions = dropped('a resource with all that belongs to it');

const metricRule = (description: string) =>
  Type.Optional(
    Type.Object(
      {
        match_type: matchType,
        metric_names: nameRules('Names of metrics, any of them.'),
        resource_attributes: attributeRules('Attributes of the resource, all of them.'),
      },
      { additionalProperties: false, description },
    ),
  );

const logRule = (description: string) =>
  Type.Optional(
    Type.Object(
      {
        match_type: matchType,
        resource_attributes: attributeRules('Attributes of the resource, all of them.'),
        record_attributes: attributeRules('Attributes of the record, all of them.'),
        severity_texts: nameRules('Texts of the severity, any of them.'),
        bodies: nameRules('Bodies that are texts, any of them.'),
        severity_number: Type.Optional(
          Type.Object(
            {
              min: Type.Enum(
                [...severityNumbers.keys()].flatMap((name) => [name, name.toLowerCase()]),
                { description: 'The lowest severity that matches.' },
              ),
              match_undefined: Type.Boolean({
                default: false,
                description: 'Whether a record without a severity matches.',
              }),
            },
            { additionalProperties: false },
          ),
        ),
      },
      { additionalProperties: false, description },
    ),
  );

const ofSignal = (contexts: string) =>
  conditions(
    `Conditions whose paths name their context (${contexts}), any of which drops what the lowest context is.`,
  );

export const filterConfig = Type.Object(
  {
    error_mode: Type.Enum(['ignore', 'silent', 'propagate'], {
      default: 'ignore',
      description:
        'Where a condition cannot be evaluated, as a key of a body that is a text: `ignore` logs it and the condition does not hold, `silent` does not log it, `propagate` drops the batch, counted as an error of the processor.',
    }),
    metric_conditions: ofSignal('`resource`, `scope`, `metric`, `datapoint`'),
    log_conditions: ofSignal('`resource`, `scope`, `log`'),
    trace_conditions: ofSignal('`resource`, `scope`, `span`, `spanevent`'),
    metrics: Type.Optional(
      Type.Object(
        {
          resource: resourceConditions,
          metric: dropped('a metric'),
          datapoint: dropped('a data point'),
          include: metricRule('Metrics that are kept: those that match all keys.'),
          exclude: metricRule('Metrics of them that are dropped: those that match any key.'),
        },
        { additionalProperties: false, description: 'Conditions, or `include` and `exclude`.' },
      ),
    ),
    logs: Type.Optional(
      Type.Object(
        {
          resource: resourceConditions,
          log_record: dropped('a log record'),
          include: logRule('Log records that are kept: those that match all keys.'),
          exclude: logRule('Log records of them that are dropped: those that match all keys.'),
        },
        { additionalProperties: false, description: 'Conditions, or `include` and `exclude`.' },
      ),
    ),
    traces: Type.Optional(
      Type.Object(
        {
          resource: resourceConditions,
          span: dropped('a span'),
          spanevent: dropped('an event of a span, which itself stays'),
        },
        { additionalProperties: false, description: 'Conditions.' },
      ),
    ),
  },
  { additionalProperties: false },
);
export type FilterConfig = Static<typeof filterConfig>;
export type MetricRule = NonNullable<NonNullable<FilterConfig['metrics']>['include']>;
export type LogRule = NonNullable<NonNullable<FilterConfig['logs']>['include']>;

/** A condition where it is written. */
export interface Written {
  readonly path: readonly string[];
  readonly text: string;
  /** Absent: its paths name it. */
  readonly context?: Context;
  readonly lowest: readonly Context[];
}

const lowestOf = { metric: ['metric', 'datapoint'], log: ['log'], trace: ['span', 'spanevent'] } as const;

export function conditionsOf(config: FilterConfig): readonly Written[] {
  const { metrics = {}, logs = {}, traces = {} } = config;
  const list = (
    path: readonly string[],
    texts: readonly string[] = [],
    place: Pick<Written, 'context' | 'lowest'>,
  ) => texts.map((text, index) => ({ path: [...path, String(index)], text, ...place }));
  const { metric, log, trace } = lowestOf;
  return [
    ...list(['metric_conditions'], config.metric_conditions, { lowest: metric }),
    ...list(['log_conditions'], config.log_conditions, { lowest: log }),
    ...list(['trace_conditions'], config.trace_conditions, { lowest: trace }),
    ...list(['metrics', 'resource'], metrics.resource, { context: 'resource', lowest: metric }),
    ...list(['metrics', 'metric'], metrics.metric, { context: 'metric', lowest: metric }),
    ...list(['metrics', 'datapoint'], metrics.datapoint, { context: 'datapoint', lowest: metric }),
    ...list(['logs', 'resource'], logs.resource, { context: 'resource', lowest: log }),
    ...list(['logs', 'log_record'], logs.log_record, { context: 'log', lowest: log }),
    ...list(['traces', 'resource'], traces.resource, { context: 'resource', lowest: trace }),
    ...list(['traces', 'span'], traces.span, { context: 'span', lowest: trace }),
    ...list(['traces', 'spanevent'], traces.spanevent, { context: 'spanevent', lowest: trace }),
  ];
}

export function filterProblems(config: FilterConfig): readonly ConfigProblem[] {
  const { metrics, logs, traces } = config;
  const given = [
    metrics,
    logs,
    traces,
    config.metric_conditions,
    config.log_conditions,
    config.trace_conditions,
  ];
  if (given.every((each) => each === undefined || Object.keys(each).length === 0))
    return [{ path: [], message: 'nothing is dropped: add "metrics", "logs" or "traces"' }];
  return [
    ...conditionsOf(config).flatMap(conditionProblems),
    ...waysProblems('metric', config.metric_conditions, metrics),
    ...waysProblems('log', config.log_conditions, logs),
    ...waysProblems('trace', config.trace_conditions, traces),
    ...(['include', 'exclude'] as const).flatMap((key) => [
      ...ruleProblems(['metrics', key], metrics?.[key]),
      ...ruleProblems(['logs', key], logs?.[key]),
    ]),
  ];
}

function conditionProblems({ path, text, ...place }: Written): readonly ConfigProblem[] {
  try {
    parseCondition(text, place);
    return [];
  } catch (error) {
    if (!(error instanceof ConditionError)) throw error;
    return [{ path, message: `column ${error.column} of the condition: ${error.message}` }];
  }
}

/** One signal is filtered in one way, as in the Collector. */
function waysProblems(name: string, inferred: unknown, own: object = {}): readonly ConfigProblem[] {
  const keys = Object.keys(own);
  const rules = keys.filter((key) => key === 'include' || key === 'exclude');
  if (inferred !== undefined && keys.length > 0)
    return [{ path: [`${name}s`], message: `cannot be used beside "${name}_conditions"` }];
  if (rules.length > 0 && rules.length < keys.length)
    return rules.map((key) => ({ path: [`${name}s`, key], message: 'cannot be used beside conditions' }));
  return [];
}

function ruleProblems(
  at: readonly string[],
  rule: MetricRule | LogRule | undefined,
): readonly ConfigProblem[] {
  if (rule === undefined) return [];
  const { match_type: type, ...keys } = rule;
  if (Object.keys(keys).length === 0) return [{ path: at, message: 'needs a key beside "match_type"' }];
  const { severity_number: _, ...lists }: Omit<LogRule, 'match_type'> = keys;
  return matchProblems(type, lists).map(({ path, message }) => ({ path: [...at, ...path], message }));
}
