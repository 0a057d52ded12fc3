import { createAttributesMatch, createNameMatch, createResourceMatch } from '../../attributes/match.ts';
import type { FilterConfig, LogRule, MetricRule } from './config.ts';
import type { MetricDrops, RecordDrops } from './drop.ts';
import { severityNumbers } from './enums.ts';
import type { Subject } from './paths.ts';

type Rules<Rule> = { readonly include?: Rule; readonly exclude?: Rule };
type Test = (of: Subject) => boolean;

/** `exclude` drops what one of its keys names, as the Collector's. */
export function metricDrops({ include, exclude }: Rules<MetricRule>): MetricDrops {
  const resource = {
    isIncluded: include?.resource_attributes && resourceMatch(include),
    isExcluded: exclude?.resource_attributes && resourceMatch(exclude),
  };
  const metric = {
    isIncluded: include?.metric_names && nameMatch(include),
    isExcluded: exclude?.metric_names && nameMatch(exclude),
  };
  return { resource: dropOf(resource), metric: dropOf(metric), datapoint: undefined };
}

export function recordDrops({ include, exclude }: Rules<LogRule>): RecordDrops {
  return {
    resource: undefined,
    log: dropOf({ isIncluded: include && recordMatch(include), isExcluded: exclude && recordMatch(exclude) }),
  };
}

function dropOf(of: { readonly isIncluded?: Test | undefined; readonly isExcluded?: Test | undefined }) {
  const { isIncluded, isExcluded } = of;
  if (isIncluded === undefined) return isExcluded;
  if (isExcluded === undefined) return (item: Subject) => !isIncluded(item);
  return (item: Subject) => !isIncluded(item) || isExcluded(item);
}

function resourceMatch({ match_type, resource_attributes }: MetricRule | LogRule): Test {
  const isMatch = createResourceMatch(match_type, resource_attributes);
  return ({ resource }) => resource !== undefined && isMatch(resource);
}

function nameMatch({ match_type, metric_names }: MetricRule): Test {
  const isMatch = createNameMatch(match_type, metric_names);
  return ({ metric }) => isMatch(metric?.descriptor.name);
}

function recordMatch(rule: LogRule): Test {
  const { match_type: type, severity_number: severity } = rule;
  const isResource = resourceMatch(rule);
  const isRecord = createAttributesMatch(type, rule.record_attributes);
  const isText = createNameMatch(type, rule.severity_texts);
  const isBody = createNameMatch(type, rule.bodies);
  const least = severity && (severityNumbers.get(severity.min.toUpperCase()) ?? 0);
  const isSevere = (number: number) =>
    least === undefined || (number === 0 ? severity?.match_undefined === true : number >= least);
  return (of) => {
    const { log } = of;
    return (
      log !== undefined &&
      isSevere(log.severityNumber ?? 0) &&
      isText(log.severityText ?? '') &&
      isBody(typeof log.body === 'string' ? log.body : undefined) &&
      isResource(of) &&
      isRecord(log.attributes)
    );
  };
}

export const hasRules = (of: FilterConfig['metrics'] | FilterConfig['logs']) =>
  of?.include !== undefined || of?.exclude !== undefined;
