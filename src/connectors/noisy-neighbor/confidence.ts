import { type CauseSet, causeSet } from './blame.ts';
import { sumOf } from './score.ts';
import { type Explanation, unjudgedTime } from './verdict.ts';
import type { Observation } from './window.ts';

/** What can lower the confidence of a verdict, with its meaning. */
export const doubtMeaning = {
  samples: 'few waits in the window',
  loss: 'waits or parts of waits that were lost',
  sampling: 'pairs of victim and culprit that are sampled, for want of room',
  clock: 'waits that ended before they began',
  unknown: 'time of which the cause is not known, or whether a neighbor took more than its share',
  names: 'culprits without a name',
  culprit: 'several culprits, of which none is the main one',
} as const;

export type Doubt = keyof typeof doubtMeaning;
const doubts = Object.keys(doubtMeaning) as readonly Doubt[]; // its only keys

export interface Confidence {
  /** 0 to 1: the product of what each doubt leaves. */
  readonly value: number;
  /** The same without `samples`: whether what is known suffices, however little happened. */
  readonly knowledge: number;
  /** What lowered it noticeably, the heaviest first, with what it leaves. */
  readonly loweredBy: readonly (readonly [doubt: Doubt, leaves: number])[];
}

/** Losses of a window over all workloads, as parts of its waits. */
export type WindowLosses = Readonly<Record<'loss' | 'sampling' | 'clock', number>>;

/** The half of full confidence, in samples. */
const halfSamples = 5;
/** A wait in progress counts as a sample for each. */
const secondsASample = 0.01;
const noticeable = 0.99;

export function confidenceOf(of: Observation, explanation: Explanation, losses: WindowLosses): Confidence {
  const leaves: Readonly<Record<Doubt, number>> = {
    samples: samplesLeave(of),
    loss: 1 - losses.loss,
    sampling: 1 - losses.sampling,
    clock: 1 - losses.clock,
    unknown: 1 - partOf(of, unknownOf(of)),
    names: namesLeave(of, explanation),
    culprit: culpritLeaves(explanation),
  };
  let knowledge = 1;
  const loweredBy: (readonly [Doubt, number])[] = [];
  for (const doubt of doubts) {
    if (doubt !== 'samples') knowledge *= leaves[doubt];
    if (leaves[doubt] < noticeable) loweredBy.push([doubt, leaves[doubt]]);
  }
  if (loweredBy.length > 1) loweredBy.sort(([, a], [, b]) => a - b);
  return { value: leaves.samples * knowledge, knowledge, loweredBy };
}

function samplesLeave({ waits, wait }: Observation): number {
  const samples = waits + wait / secondsASample;
  return samples / (samples + halfSamples);
}

const unknownOf = (of: Observation) => (of.causes.get('unknown') ?? 0) + unjudgedTime(of);

const partOf = ({ wait }: Observation, time: number) => (wait > 0 ? Math.min(1, time / wait) : 0);

/** Of time that culprits took, what has one of a known name. */
function namesLeave(of: Observation, { verdict, main }: Explanation): number {
  const by = namedBy[verdict];
  if (!by) return 1;
  const { rows, begin, end } = of.blame;
  let named = 0;
  for (let row = begin; row < end; row++)
    if (rows.culprit[row] && by.has[rows.cause[row] ?? 0]) named += rows.time[row] ?? 0;
  const all = sumOf(of.causes, by.causes);
  return main === undefined ? 0 : Math.min(1, all > 0 ? named / all : 1);
}

/** Verdicts that name a culprit, with the causes in which it is. */
const namedBy: Readonly<Partial<Record<Explanation['verdict'], CauseSet>>> = {
  noisy_neighbor: causeSet('neighbor'),
  quota_throttled: causeSet('throttled', 'throttled_ancestor'),
  sibling_contention: causeSet('sibling'),
  system_interference: causeSet('system'),
};

/** From half of the time on, one culprit is the main one. */
function culpritLeaves({ time, main }: Explanation): number {
  return main ? Math.min(1, (2 * main.time) / time) : 1;
}
