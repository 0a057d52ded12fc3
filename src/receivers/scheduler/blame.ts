import { otherCulprit } from '../../telemetry/attributes/culprit.ts';
import type { CgroupId } from '../../telemetry/units.ts';
import { apportion } from './apportion.ts';
import type { CgroupReading, PairReading } from './source.ts';

/** What one culprit did to one victim in an interval; `otherCulprit` stands for all beyond the named ones. */
export interface Blame {
  readonly culprit: CgroupId | typeof otherCulprit;
  /** ns. */
  readonly other: number;
  /** ns. */
  readonly throttled: number;
  readonly preemptions: number;
}

/**
 * Slices shorter than the kernel side's quantum are booked on pairs by sampling, and pairs are read a little after the
 * totals: so the pairs of a victim sum to its total only nearly. Up to this share of it the difference is theirs.
 */
const tolerance = 0.02;

export interface BlameOptions {
  readonly maxCulprits: number;
  /** ns a reading may be short of by sampling, on each CPU where the victim waited behind others: a quantum. */
  readonly samplingError: number;
  /** Pairs have been lost, of any victim: then nothing that is missing is a sampling error. */
  readonly arePairsLost?: boolean;
}

/**
 * The culprits of one victim, the worst first. Their times sum to the victim's exactly, unless more is missing than
 * sampling explains (pairs without a name): then the rest stays unnamed.
 */
export function blameOf(
  victim: CgroupReading,
  pairs: readonly PairReading[],
  options: BlameOptions,
): Blame[] {
  const other = fit(
    victim.classes.other,
    pairs.map((pair) => pair.other),
    toleranceFor(victim, victim.classes.other, options),
  );
  const throttled = fit(
    victim.classes.throttled,
    pairs.map((pair) => pair.throttled),
    toleranceFor(victim, victim.classes.throttled, options),
  );
  const all = pairs
    .map((pair, i) => ({
      culprit: pair.culprit,
      other: other[i] ?? 0,
      throttled: throttled[i] ?? 0,
      preemptions: pair.preemptions,
    }))
    .filter((blame) => blame.other || blame.throttled || blame.preemptions)
    .sort((a, b) => b.other + b.throttled - (a.other + a.throttled) || b.preemptions - a.preemptions);
  const named: Blame[] = all.slice(0, options.maxCulprits);
  const rest = all.slice(options.maxCulprits);
  if (!rest.length) return named;
  const sumOf = (key: 'other' | 'throttled' | 'preemptions') =>
    rest.reduce((sum, blame) => sum + blame[key], 0);
  return [
    ...named,
    {
      culprit: otherCulprit,
      other: sumOf('other'),
      throttled: sumOf('throttled'),
      preemptions: sumOf('preemptions'),
    },
  ];
}

function toleranceFor(
  { otherCpus }: CgroupReading,
  total: number,
  { samplingError, arePairsLost = false }: BlameOptions,
): number {
  return arePairsLost ? 0 : Math.max(samplingError * otherCpus, total * tolerance);
}

function fit(total: number, parts: readonly number[], most: number): readonly number[] {
  const sum = parts.reduce((a, b) => a + b, 0);
  return total - sum > most ? parts : apportion(total, parts);
}
