import type { Host, Processor } from '../../component.ts';
import type { Batch } from '../../telemetry/batch.ts';
import { nanoseconds } from '../../telemetry/units.ts';
import type { SamplingConfig } from './config.ts';
import { samplingCounters } from './emits.ts';
import type { Findings } from './findings.ts';
import type { Kind } from './kinds.ts';
import { createChain, type Modes } from './mode.ts';
import { createProbabilistic } from './probabilistic.ts';
import { createRateLimit } from './rate-limit.ts';
import { createReservoir } from './reservoir.ts';
import type { Surroundings } from './surroundings.ts';
import { createTail } from './tail.ts';
import { Tally } from './tally.ts';
import { type Item, type Kept, weightOf, withWeight } from './wait.ts';

export interface SamplerOptions<T extends Item> {
  readonly config: SamplingConfig;
  readonly host: Host;
  readonly findings: Findings | undefined;
  /** Takes items that are no waits. */
  onOther?(item: T): void;
}

export interface Sampler<B extends Batch> extends Processor {
  process(batch: B): B;
}

/** Samples the batches of one signal: `tail` first, then the other modes one behind another. */
export function createSampler<B extends Batch, T extends Item>(
  kind: Kind<B, T>,
  { config, host, findings, onOther = () => {} }: SamplerOptions<T>,
): Sampler<B> {
  const tally = new Tally();
  const chain = createChain(
    modesOf<T>(config, {
      clock: host.clock,
      random: () => host.clock.random(),
      tally,
      maxWorkloads: config.max_workloads,
      maxHeld: config.max_held,
      traceIdOf: kind.traceIdOf,
    }),
  );
  const tailReason = config.tail ? createTail(config.tail, findings) : () => undefined;

  function keep({ item, weight, reason }: Kept<T>): T {
    tally.keep(reason, weight - weightOf(item));
    return withWeight(item, weight);
  }

  function sample(item: T): readonly T[] {
    const duration = kind.durationOf(item);
    if (duration === undefined) {
      onOther(item);
      tally.keep('no_wait', 0);
      return [item];
    }
    const wait = { item, duration: nanoseconds(Math.max(0, duration)), weight: weightOf(item) };
    const reason = tailReason(wait);
    return reason === undefined ? chain.take(wait).map(keep) : [keep({ ...wait, reason })];
  }

  const batchOf = (items: readonly T[]): B => {
    tally.report(host.counters, { component: host.id, signal: kind.signal });
    return kind.batchOf(items);
  };

  const batchesOf = (kept: readonly Kept<T>[]) => (kept.length === 0 ? [] : [batchOf(kept.map(keep))]);

  return {
    pulls: chain.held.map(({ name, every, release }) => ({
      name,
      every,
      collect: () => batchesOf(release()),
    })),
    process: (batch) => batchOf(kind.itemsIn(batch).flatMap(sample)),
    flush: () => batchesOf(chain.flush().map((wait) => ({ ...wait, reason: 'shutdown' }))),
    async close() {
      const lost = chain.flush().reduce((sum, { weight }) => sum + weight, 0);
      if (lost > 0)
        host.counters.add(samplingCounters.lost, lost, { component: host.id, signal: kind.signal });
    },
  };
}

function modesOf<T extends Item>(config: SamplingConfig, surroundings: Surroundings<T>): Modes<T> {
  const { probabilistic, rate_limit: rateLimit, reservoir } = config;
  const [first, ...others] = [
    ...(probabilistic ? [createProbabilistic(probabilistic, surroundings)] : []),
    ...(rateLimit ? [createRateLimit(rateLimit, surroundings)] : []),
    ...(reservoir ? [createReservoir(reservoir, surroundings)] : []),
  ];
  if (first === undefined) throw new Error('cannot sample: no mode drops anything');
  return [first, ...others];
}
