import type { NoisyNeighborConfig } from './config.ts';
import type { Observation } from './window.ts';

/** 0 to 100 each. */
export interface Scores {
  readonly latency: number;
  readonly preemption: number;
  readonly throttling: number;
  readonly resource: number;
  readonly overall: number;
}

export type ScoreConfig = NoisyNeighborConfig['score'];

/** Causes in which other workloads or services had the CPU. */
const contenders = ['sibling', 'neighbor', 'system'] as const;
const quotas = ['throttled', 'throttled_ancestor'] as const;

/** The published score: latency, preemption and the part of the CPU that others took, weighted. */
export function scoresOf(of: Observation, seconds: number, config: ScoreConfig): Scores {
  const latency = latencyScore(of.p99, config);
  const preemption = preemptionScore(sumOf(of.preemptions, contenders) / seconds, config);
  const resource = shareOf(of, sumOf(of.causes, contenders));
  const throttling = shareOf(of, sumOf(of.causes, quotas));
  return {
    latency,
    preemption,
    throttling,
    resource,
    overall: weighted({ latency, preemption, resource }, config),
  };
}

/** A ramp from 0 at the medium p99 to 100 at the high one. */
export function latencyScore(p99: number | undefined, { latency }: ScoreConfig): number {
  const [medium, high] = [latency.medium_p99 / 1e9, latency.high_p99 / 1e9];
  return 100 * clamp(((p99 ?? 0) - medium) / (high - medium));
}

/** Of preemptions a second. */
export const preemptionScore = (rate: number, { preemption }: ScoreConfig): number =>
  100 * clamp((preemption.points * rate) / 100);

/** Percent of the time in which the workload could run. */
export const shareOf = ({ run, wait }: Pick<Observation, 'run' | 'wait'>, time: number): number =>
  wait > 0 ? 100 * clamp(time / (run + wait)) : 0;

export function weighted(
  parts: Pick<Scores, 'latency' | 'preemption' | 'resource'>,
  { latency, preemption, resource }: ScoreConfig,
): number {
  const weights = latency.weight + preemption.weight + resource.weight;
  const sum =
    latency.weight * parts.latency + preemption.weight * parts.preemption + resource.weight * parts.resource;
  return sum / weights;
}

export function sumOf<Key>(of: ReadonlyMap<Key, number>, keys: readonly Key[]): number {
  let sum = 0;
  for (const key of keys) sum += of.get(key) ?? 0;
  return sum;
}

const clamp = (share: number) => Math.min(1, Math.max(0, share));
