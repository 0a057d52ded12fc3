import { type Confidence, confidenceOf, type WindowLosses } from './confidence.ts';
import type { NoisyNeighborConfig } from './config.ts';
import { type Explanation, explain, type Share } from './verdict.ts';
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
  const least = Math.max(config.min_time / 1e9, config.min_share * (victim.run + victim.wait));
  if (victim.wait < least) return [];
  const explained = explain(victim, { seconds, score: config.score }).map((found) => {
    const explanation = { ...found, culprits: withNamedFirst(found.culprits, named) };
    return { explanation, confidence: confidenceOf(victim, explanation, losses) };
  });
  const isKnown = ({ explanation, confidence }: (typeof explained)[number]) =>
    explanation.verdict !== 'undetermined' && confidence.knowledge >= leastConfidence(config);
  const unknown = explained.filter((of) => !isKnown(of));
  const found = [...explained.filter(isKnown), ...(unknown.length > 0 ? [together(unknown)] : [])]
    .filter(({ explanation }) => explanation.time >= least)
    .sort((x, y) => y.explanation.time - x.explanation.time);
  return found.map((of) => ({
    ...{ ...of, victim },
    others: found.filter((other) => other !== of).map(({ explanation }) => explanation),
  }));
}

type Explained = Pick<Diagnosis, 'explanation' | 'confidence'>;

/** What is not known well enough is one verdict, which names no culprit; its confidence is that of its longest part. */
function together(parts: readonly Explained[]): Explained {
  const [longest] = parts;
  const sum = (of: 'time' | 'score') => parts.reduce((total, { explanation }) => total + explanation[of], 0);
  return {
    explanation: {
      verdict: 'undetermined',
      time: sum('time'),
      culprits: [],
      score: Math.min(100, sum('score')),
    },
    confidence: longest?.confidence ?? { value: 0, knowledge: 0, loweredBy: [] },
  };
}

const leastConfidence = ({ severities }: NoisyNeighborConfig) =>
  Math.min(...severities.map(({ confidence_min }) => confidence_min));

/** Of the main one's time, from which on another one may be the main one. */
const aboutAsGuilty = 0.5;

function withNamedFirst(culprits: readonly Share[], named: ReadonlySet<string>): readonly Share[] {
  const longest = culprits[0]?.time ?? 0;
  const stays = culprits.find(
    ({ culprit, time }) => named.has(culprit.cgroup) && time >= aboutAsGuilty * longest,
  );
  return stays ? [stays, ...culprits.filter((share) => share !== stays)] : culprits;
}
