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
  readonly signal: 'metrics' | 'logs' | 'traces';
  readonly path: readonly string[];
  readonly text: string;
  /** Absent: its paths name it. */
  readonly context?: Context;
  readonly lowest: readonly Context[];
}

const lowestOf = { metrics: ['metric', 'datapoint'], logs: ['log'], traces: ['span', 'spanevent'] } as const;

export function conditionsOf(config: FilterConfig): readonly Written[] {
  const { metrics = {}, logs = {}, traces = {} } = config;
  const inferred = (signal: Written['signal'], texts: readonly string[] = []) =>
    texts.map((text, index): Written => {
      const path = [`${signal.slice(0, -1)}_conditions`, String(index)];
      return { signal, path, text, lowest: lowestOf[signal] };
    });
  const inContext = (
    { signal, key, context }: { signal: Written['signal']; key: string; context: Context },
    texts: readonly string[] = [],
  ) =>
    texts.map((text, index): Written => {
      const path = [signal, key, String(index)];
      return { signal, path, text, context, lowest: lowestOf[signal] };
    });
  return [
    ...inferred('metrics', config.metric_conditions),
    ...inferred('logs', config.log_conditions),
    ...inferred('traces', config.trace_conditions),
    ...inContext({ signal: 'metrics', key: 'resource', context: 'resource' }, metrics.resource),
    ...inContext({ signal: 'metrics', key: 'metric', context: 'metric' }, metrics.metric),
    ...inContext({ signal: 'metrics', key: 'datapoint', context: 'datapoint' }, metrics.datapoint),
    ...inContext({ signal: 'logs', key: 'resource', context: 'resource' }, logs.resource),
    ...inContext({ signal: 'logs', key: 'log_record', context: 'log' }, logs.log_record),
    ...inContext({ signal: 'traces', key: 'resource', context: 'resource' }, traces.resource),
    ...inContext({ signal: 'traces', key: 'span', context: 'span' }, traces.span),
    ...inContext({ signal: 'traces', key: 'spanevent', context: 'spanevent' }, traces.spanevent),
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
