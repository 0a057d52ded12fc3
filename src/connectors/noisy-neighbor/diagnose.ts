import { type Confidence, confidenceOf, type WindowLosses } from './confidence.ts';
import type { NoisyNeighborConfig } from './config.ts';
import { type Explanation, explain } from './verdict.ts';
import type { Observation, Window } from './window.ts';

/** What a part of a workload's waiting in one window comes from, and how certain that is. */
export interface Diagnosis {
  readonly victim: Observation;
  readonly explanation: Explanation;
  readonly confidence: Confidence;
  /** The other explanations of the same wait. */
  readonly others: readonly Explanation[];
}

export interface DiagnoseOptions {
  readonly config: NoisyNeighborConfig;
  readonly losses: WindowLosses;
  /** Culprits of findings that are active about the victim: one of them stays the main one while it is about as guilty. */
  readonly named: ReadonlySet<string>;
}

/** Of a workload in a window, the one of the longest part first; those on time too short to matter are left out. */
export function diagnose(
  victim: Observation,
  { seconds }: Pick<Window, 'seconds'>,
  { config, losses, named }: DiagnoseOptions,
): readonly Diagnosis[] {
  const least = Math.max((config.min_time / 1e9) * seconds, config.min_share * (victim.run + victim.wait));
  if (victim.wait < least) return none;
  const enough = leastConfidence(config);
  const long: Explained[] = [];
  let unknown: Explained | undefined;
  for (const explanation of explain(victim, { seconds, score: config.score, named })) {
    const confidence = confidenceOf(victim, explanation, losses);
    if (explanation.verdict === 'undetermined' || confidence.knowledge < enough)
      unknown = together(unknown, { explanation, confidence });
    else if (explanation.time >= least) long.push({ explanation, confidence });
  }
  if (unknown && unknown.explanation.time >= least) {
    long.push(unknown);
    long.sort((x, y) => y.explanation.time - x.explanation.time);
  }
  return long.map(({ explanation, confidence }) => {
    const others = long.length > 1 ? othersOf(explanation, long) : none;
    return { victim, explanation, confidence, others };
  });
}

const none: readonly never[] = [];

type Explained = Pick<Diagnosis, 'explanation' | 'confidence'>;

const othersOf = (one: Explanation, all: readonly Explained[]) =>
  all.map(({ explanation }) => explanation).filter((other) => other !== one);

/** What is not known well enough is one verdict, which names no culprit; its confidence is that of its longest part. */
function together(former: Explained | undefined, { explanation, confidence }: Explained): Explained {
  const { time, score } = explanation;
  return {
    explanation: {
      verdict: 'undetermined',
      time: time + (former?.explanation.time ?? 0),
      main: undefined,
      score: Math.min(100, score + (former?.explanation.score ?? 0)),
    },
    confidence: former?.confidence ?? confidence,
  };
}

function leastConfidence({ severities }: NoisyNeighborConfig): number {
  let least = Number.POSITIVE_INFINITY;
  for (const { confidence_min } of severities) least = Math.min(least, confidence_min);
  return least;
}
