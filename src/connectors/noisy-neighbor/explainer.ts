import type { ActiveFinding, Answer, Culprit as Blamed } from '../../explanations/answer.ts';
import type { Explainer } from '../../explanations/explanations.ts';
import { resourceAttributes } from '../../telemetry/attributes/resource.ts';
import { causes } from '../../telemetry/attributes/wait.ts';
import {
  type Nanoseconds,
  nanoseconds,
  toMilliseconds,
  type UnixNanoseconds,
} from '../../telemetry/units.ts';
import { clockTime } from '../../views/clock-time.ts';
import { percentage, period } from '../../views/quantities.ts';
import { type AdviceContext, adviceFor } from './advice/advice.ts';
import { culpritIn } from './blame.ts';
import { doubtMeaning } from './confidence.ts';
import type { NoisyNeighborConfig } from './config.ts';
import { type Diagnosis, diagnose } from './diagnose.ts';
import type { Finding, Findings } from './findings.ts';
import type { Histories } from './histories.ts';
import type { Baseline } from './history.ts';
import { knownOf, namesOfCulprit, namesOfVictim } from './names.ts';
import type { Past, PastSpans, Retained } from './retained.ts';
import { lastOf, sentenceOf } from './sentence.ts';
import type { Observation } from './window.ts';

export interface ExplainerOptions {
  readonly config: NoisyNeighborConfig;
  readonly retained: Retained;
  readonly findings: Findings;
  readonly histories: Histories;
}

/** Answers from the retained windows, judged as if they were one. */
export function explainerOf({ config, retained, findings, histories }: ExplainerOptions): Explainer {
  /** However short it is. */
  const everyPart: NoisyNeighborConfig = { ...config, min_share: 0, min_time: nanoseconds(0) };
  return {
    workloads() {
      const shares = retained.waitShares();
      return [...retained.workloads()].map((of) =>
        knownOf(of, { key: of.key, waitShare: shares.get(of.key) ?? 0 }),
      );
    },
    explain(key, since) {
      const asked = toMilliseconds(since);
      const recent = retained.past(asked);
      // of one that was there before that time only: the end of what is held of it
      const spans = recent.past(key) ? recent : retained.past(asked, retained.lastSeen(key));
      const past = spans.past(key);
      return past && answerFrom(past, { key, since, spans });
    },
  };

  function answerFrom(
    past: Past,
    { key, since, spans }: { readonly key: string; readonly since: Nanoseconds; readonly spans: PastSpans },
  ): Answer {
    const { observation, seconds, windows } = past;
    const diagnoses = diagnose(
      observation,
      { seconds },
      { config: everyPart, losses: spans.losses, named: findings.culprits().get(key) ?? new Set() },
    );
    const [main] = past.affected > 0 ? diagnoses : [];
    const baseline = histories.baseline(key, (BigInt(Math.round(past.end)) * 1_000_000n) as UnixNanoseconds);
    const when = whenOf(past, retained.held?.to);
    const used = cpusOf(main, { spans, retained });
    const advice =
      main && adviceFor(main, { quotaOf: spans.quotaOf, window: advised(main, { seconds, spans }) });
    return {
      workload: namesOfVictim(observation),
      ...recordingOf(observation),
      period: {
        ...{ from: time(past.start), to: time(past.end), seconds, windows },
        ...{ since: toMilliseconds(since) / 1000, heldFrom: time(retained.held?.from ?? past.start) },
      },
      sentence: main
        ? sentenceOf({ diagnosis: main, baseline, window: { when, seconds, windows, cpusOf: () => used } })
        : quietSentence(observation, when),
      wait: waitOf(observation, baseline, histories.trend(key)),
      run: observation.run,
      causes: [...observation.causes]
        .map(([cause, of]) => ({ cause, seconds: of, share: of / observation.wait }))
        .sort((a, b) => b.seconds - a.seconds),
      verdicts: diagnoses.map(verdictOf),
      culprits: culpritsOf(observation),
      ...confidenceIn(diagnoses),
      ...(advice && { advice }),
      affected: { windows: past.affected, ...(past.worst && { worst: worstOf(past.worst) }) },
      findings: findings.activeOf(key).map(activeFinding),
    };
  }
}

const time = (ms: number) => new Date(ms).toISOString();

const waitShare = ({ run, wait }: Pick<Observation, 'run' | 'wait'>) => (wait > 0 ? wait / (run + wait) : 0);

function recordingOf({ resource: { attributes } }: Observation): Pick<Answer, 'recording'> {
  const recording = attributes[resourceAttributes.recording.key];
  return recording === undefined ? {} : { recording: String(recording) };
}

function waitOf(
  of: Observation,
  baseline: Baseline | undefined,
  trend: ReturnType<Histories['trend']>,
): Answer['wait'] {
  return {
    ...{ seconds: of.wait, share: waitShare(of), count: of.waits },
    ...(of.p99 !== undefined && { p99: of.p99 }),
    ...(baseline && { baseline: { p99: baseline.p99, spread: baseline.spread, source: baseline.source } }),
    ...(trend && { trend: trend.direction }),
  };
}

const verdictOf = ({ victim, explanation: { verdict, time: of, score }, confidence }: Diagnosis) => ({
  ...{ verdict, seconds: of, share: of / victim.wait, score, confidence: confidence.value },
});

function confidenceIn([main]: readonly Diagnosis[]): Pick<Answer, 'confidence'> {
  if (!main) return {};
  const { value, loweredBy } = main.confidence;
  const doubts = loweredBy.map(([doubt, factor]) => ({ doubt, meaning: doubtMeaning[doubt], factor }));
  return { confidence: { value, loweredBy: doubts } };
}

const activeFinding = ({ id, severity, since, diagnosis, incident }: Finding): ActiveFinding => ({
  ...{ id, severity, since: time(Number(since / 1_000_000n)) },
  ...{ verdict: diagnosis.explanation.verdict, victims: incident.victims },
});

function whenOf({ seconds, end }: Past, now: number | undefined): string {
  return end === now ? lastOf(seconds) : `in the ${period(seconds)} until ${clockTime(new Date(end))}`;
}

function quietSentence(of: Observation, when: string): string {
  if (of.wait === 0) return `${of.name} did not wait for CPU ${when}.`;
  return `${of.name} waited ${percentage(waitShare(of))} of its runnable time ${when}: nothing to report.`;
}

/** CPUs that the main culprit used while it was there. */
function cpusOf(
  main: Diagnosis | undefined,
  { spans, retained }: { readonly spans: PastSpans; readonly retained: Retained },
): number | undefined {
  const culprit = main?.explanation.main?.culprit;
  if (!culprit) return undefined;
  for (const { key, resource } of retained.workloads())
    if (String(resource.attributes[resourceAttributes.cgroupId.key]) === culprit.cgroup) {
      const past = spans.past(key);
      if (past) return past.observation.run / past.seconds;
    }
  return undefined;
}

/** Advice on a limit is of all the time, other advice of that in which the victim was there. */
const advised = (
  { explanation }: Diagnosis,
  { seconds, spans }: { readonly seconds: number; readonly spans: PastSpans },
): AdviceContext['window'] => ({
  seconds: explanation.verdict === 'quota_throttled' ? spans.seconds : seconds,
  workloads: spans.workloads(),
});

function culpritsOf({ blame: { rows, begin, end }, wait }: Observation): readonly Blamed[] {
  const blamed: Blamed[] = [];
  for (let row = begin; row < end; row++) {
    const culprit = culpritIn(rows, row);
    const cause = causes[rows.cause[row] ?? 0];
    if (!culprit || !cause) continue;
    const [seconds, excess] = [rows.time[row] ?? 0, rows.excess[row] ?? 0];
    blamed.push({ ...namesOfCulprit(culprit), cause, seconds, share: seconds / wait, excess: excess / wait });
  }
  return blamed.sort((a, b) => b.seconds - a.seconds);
}

function worstOf({ end, seconds, share, verdict, culprit }: NonNullable<Past['worst']>) {
  return { at: time(end), seconds, share, verdict, ...(culprit !== undefined && { culprit }) };
}
