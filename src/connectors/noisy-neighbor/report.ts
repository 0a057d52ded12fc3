import { type Attributes, SeverityNumber } from '@opentelemetry/api';
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import { quotaLevel } from '../../cgroup/path/quota-level.ts';
import { culpritAttributes, culpritLabel } from '../../telemetry/attributes/culprit.ts';
import { findingAttributes, findingCauseShare } from '../../telemetry/attributes/finding.ts';
import { waitAttributes } from '../../telemetry/attributes/wait.ts';
import { event } from '../../telemetry/logs.ts';
import type { UnixNanoseconds } from '../../telemetry/units.ts';
import { adviceFor } from './advice/advice.ts';
import type { Culprit } from './blame.ts';
import type { Severity } from './config.ts';
import { findingEvent } from './emits.ts';
import type { Change } from './findings.ts';
import type { Baseline, Trend } from './history.ts';
import type { Quota } from './quotas.ts';
import { sentenceOf } from './sentence.ts';
import { culpritsOf, type Explanation } from './verdict.ts';
import type { Verdict } from './verdicts.ts';
import type { Window } from './window.ts';

export interface Evidence {
  readonly window: Window;
  quotaOf(cgroup: string): Quota | undefined;
  readonly baseline: Baseline | undefined;
  readonly trend: Trend | undefined;
  /** When the agent learned of it. */
  readonly observed: UnixNanoseconds;
}

const severityNumbers: Readonly<Record<Severity, SeverityNumber>> = {
  INFO: SeverityNumber.INFO,
  WARN: SeverityNumber.WARN,
  ERROR: SeverityNumber.ERROR,
  FATAL: SeverityNumber.FATAL,
};

/** What happened to a finding, as a log record on the victim's resource. */
export function recordOf({ state, finding }: Change, evidence: Evidence): ReadableLogRecord {
  const { window, baseline, observed } = evidence;
  const { diagnosis, severity } = finding;
  // of a finding that did not hold in this window, the window tells nothing more
  const isOfWindow = window.workloads.includes(diagnosis.victim);
  const { seconds, running } = window;
  const cpusOf = (cgroup: string) => {
    const ran = isOfWindow ? running.get(cgroup) : undefined;
    return ran === undefined ? undefined : ran / seconds;
  };
  const sentence = sentenceOf({ diagnosis, baseline, window: { seconds, cpusOf } });
  const advice = isOfWindow ? adviceFor(diagnosis, evidence) : undefined;
  const body = `${state === 'end' ? 'No longer: ' : ''}${sentence}${advice === undefined ? '' : ` ${advice}.`}`;
  return {
    ...event(findingEvent, {
      ...{ resource: diagnosis.victim.resource, at: window.end, observed, body },
      attributes: {
        ...finding.attributes,
        ...verdictAttributes(finding.diagnosis, evidence),
        ...(advice !== undefined && { [findingAttributes.advice.key]: advice }),
        [findingAttributes.id.key]: finding.id,
        [findingAttributes.state.key]: state,
        [findingAttributes.since.key]: new Date(Number(finding.since / 1_000_000n)).toISOString(),
        [findingAttributes.incidentId.key]: finding.incident.id,
        [findingAttributes.incidentVictims.key]: finding.incident.victims,
      },
    }),
    severityNumber: severityNumbers[severity],
    severityText: severity,
  };
}

function verdictAttributes(
  { victim, explanation, confidence, others }: Change['finding']['diagnosis'],
  { window, baseline, trend }: Evidence,
): Attributes {
  const { verdict, main, score, time } = explanation;
  const part = (seconds: number) => (victim.wait > 0 ? seconds / victim.wait : 0);
  return {
    [findingAttributes.verdict.key]: verdict,
    [findingAttributes.score.key]: score,
    [findingAttributes.share.key]: part(time),
    [findingAttributes.waitShare.key]: victim.wait / (victim.wait + victim.run),
    [findingAttributes.confidence.key]: confidence.value,
    [findingAttributes.loweredBy.key]: confidence.loweredBy.map(
      ([doubt, leaves]) => `${doubt} ${leaves.toFixed(2)}`,
    ),
    [findingAttributes.window.key]: window.seconds,
    ...Object.fromEntries(
      [...victim.causes].map(([cause, seconds]) => [findingCauseShare(cause), part(seconds)]),
    ),
    ...(main && { ...namesOf(main.culprit, verdict), [findingAttributes.culpritShare.key]: part(main.time) }),
    [findingAttributes.culprits.key]: culpritsOf(victim, explanation).map(
      ({ culprit, time: of }) => `${culprit.name} ${part(of).toFixed(3)}`,
    ),
    [findingAttributes.otherVerdicts.key]: others.map(
      (of: Explanation) => `${of.verdict} ${part(of.time).toFixed(3)}`,
    ),
    ...(victim.p99 !== undefined && { [findingAttributes.p99.key]: victim.p99 }),
    ...(baseline && {
      [findingAttributes.baseline.key]: baseline.p99,
      [findingAttributes.baselineSpread.key]: baseline.spread,
    }),
    ...(trend && { [findingAttributes.trend.key]: trend.direction }),
  };
}

/** Without what describes the point that the culprit was read from; of a quota its level. */
function namesOf({ attributes }: Culprit, verdict: Verdict): Attributes {
  const names = Object.entries(attributes).filter(
    ([key]) => culpritKeys.has(key) || key.startsWith(culpritLabel('')),
  );
  const path = attributes[culpritAttributes.cgroupPath.key];
  return {
    ...Object.fromEntries(names),
    ...(verdict === 'quota_throttled' &&
      typeof path === 'string' && { [waitAttributes.quotaLevel.key]: quotaLevel(path) }),
  };
}

const culpritKeys = new Set<string>(Object.values(culpritAttributes).map(({ key }) => key));
