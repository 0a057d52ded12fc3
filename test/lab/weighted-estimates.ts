/** A value, and the number of values for which it stands. */
export interface Weighted {
  readonly value: number;
  readonly weight: number;
  /** Values with the same one are kept or dropped together. */
  readonly cluster?: string;
}

export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** Of a normal distribution, 95 % lie within so many standard deviations. */
const z = 2.58;

/** `conserved`: the sum of weights is exact; `drawn`: it is known on average only, as behind `probabilistic`. */
export type TotalWeight = 'conserved' | 'drawn';

/** The 95 % intervals of docs/SAMPLING.md, for the sum of the values. */
export function weightedTotal(sample: readonly Weighted[], weights: TotalWeight): Estimate {
  const value = sum(sample, (each) => each.weight * each.value);
  const center = weights === 'conserved' ? value / totalWeight(sample) : 0;
  const error = z * Math.sqrt(variance(sample, (each) => each.value - center));
  return { value, low: value - error, high: value + error };
}

/** The same for the value that a part of all values does not exceed. */
export function weightedQuantile(sample: readonly Weighted[], part: number): Estimate {
  const sorted = sample.toSorted((a, b) => a.value - b.value);
  const total = totalWeight(sorted);
  const at = (wanted: number) => quantile(sorted, wanted * total);
  const value = at(part);
  const error = z * Math.sqrt(variance(sorted, (each) => Number(each.value <= value) - part));
  return { value, low: at(part - error / total), high: at(part + error / total) };
}

/** What stands for itself alone adds nothing. */
function variance(sample: readonly Weighted[], deviation: (each: Weighted) => number): number {
  const clusters = new Map<unknown, number>();
  for (const each of sample) {
    const { weight, cluster = each } = each;
    if (weight > 1) clusters.set(cluster, (clusters.get(cluster) ?? 0) + weight * deviation(each));
  }
  return [...clusters.values()].reduce((total, deviated) => total + deviated ** 2, 0);
}

export const totalWeight = (sample: readonly Weighted[]) => sum(sample, ({ weight }) => weight);

export const covers = ({ low, high }: Estimate, truth: number) => low <= truth && truth <= high;

function quantile(sorted: readonly Weighted[], weight: number): number {
  let before = 0;
  for (const each of sorted) {
    before += each.weight;
    if (before >= weight) return each.value;
  }
  return sorted.at(-1)?.value ?? Number.NaN;
}

const sum = (sample: readonly Weighted[], of: (each: Weighted) => number) =>
  sample.reduce((total, each) => total + of(each), 0);
