import type { Attributes } from '@opentelemetry/api';
import type { Static } from 'typebox';
import { actionProblems, actionsSchema, createActions } from '../attributes/actions.ts';
import {
  attributeRules,
  createAttributesMatch,
  createNameMatch,
  createResourceMatch,
  matchProblems,
  matchType,
  nameRules,
} from '../attributes/match.ts';
import type { ConfigProblem, ProcessorComponent } from '../component.ts';
import { Type } from '../config/schema/type.ts';
import { mapBatch } from '../telemetry/batch.ts';
import type { ItemOf } from '../telemetry/visit.ts';

const rule = (description: string) =>
  Type.Optional(
    Type.Object(
      {
        match_type: matchType,
        resources: attributeRules('Attributes of its resource, all of them.'),
        metric_names: nameRules('Names of metrics, any of them; what is no metric matches none.'),
        attributes: attributeRules('Attributes of its own, all of them.'),
      },
      { additionalProperties: false, description },
    ),
  );

const attributesConfig = Type.Object(
  {
    actions: actionsSchema('What changes, in this order.'),
    include: rule('Items that change: those that match all keys. Default: all.'),
    exclude: rule('Items of them that do not change, by the same rules.'),
  },
  { additionalProperties: false },
);
type Config = Static<typeof attributesConfig>;
type Rule = NonNullable<Config['include']>;

/** As the Collector's; but data points that become equal are added up, and a rule may name attributes of data points. */
export const attributes: ProcessorComponent<typeof attributesConfig> = {
  kind: 'processor',
  type: 'attributes',
  summary:
    'Sets, deletes, hashes, extracts from and converts attributes of data points, log records, spans and samples. Points that become equal are added up, gauges excepted.',
  stability: { metrics: 'beta', logs: 'beta', traces: 'alpha', profiles: 'development' },
  config: attributesConfig,
  check: ({ actions, include, exclude }) => [
    ...actionProblems('actions', actions),
    ...ruleProblems('include', include),
    ...ruleProblems('exclude', exclude),
  ],
  async open({ actions, include, exclude }) {
    const change = createActions(actions);
    const isIncluded = include ? compile(include) : () => true;
    const isExcluded = exclude ? compile(exclude) : () => false;
    return {
      process: (batch) =>
        mapBatch(batch, {
          mergesEqual: true,
          resource: (resource) => resource,
          item: (own, of) => (isIncluded(own, of) && !isExcluded(own, of) ? change(own) : own),
        }),
      close: async () => {},
    };
  },
};

function compile(of: Rule): (own: Attributes, item: ItemOf) => boolean {
  const isResource = createResourceMatch(of.match_type, of.resources);
  const isMetric = createNameMatch(of.match_type, of.metric_names);
  const isItem = createAttributesMatch(of.match_type, of.attributes);
  return (own, { resource, metric }) => isMetric(metric) && isResource(resource) && isItem(own);
}

function ruleProblems(at: string, of: Rule | undefined): readonly ConfigProblem[] {
  if (of === undefined) return [];
  const { match_type: type, ...lists } = of;
  if (Object.keys(lists).length === 0)
    return [{ path: [at], message: 'needs "resources", "metric_names" or "attributes"' }];
  return matchProblems(type, lists).map(({ path, message }) => ({ path: [at, ...path], message }));
}
