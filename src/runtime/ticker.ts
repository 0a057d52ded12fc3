import type { Pull } from '../component.ts';
import type { TimerClock } from '../machine/clock.ts';
import { type Batch, itemCount } from '../telemetry/batch.ts';
import type { Counters } from '../telemetry/counters.ts';
import { type Health, messageOf, type Subject } from '../telemetry/health.ts';
import type { Nanoseconds } from '../telemetry/units.ts';
import { runtimeCounters } from './emits.ts';
import { startSchedule } from './schedule.ts';

export interface TickerContext {
  /** The component that has the pull. */
  readonly subject: Pick<Subject, 'kind' | 'id' | 'pipeline'>;
  readonly clock: TimerClock;
  readonly counters: Counters;
  readonly health: Health;
  /** Hands a batch to the pipelines; slow pipelines make the pull overrun. */
  deliver(batch: Batch): Promise<unknown>;
}

export interface Ticker {
  /** Since when a collection is under way that has not yielded its batches; undefined: none is. */
  readonly collectingSince: Nanoseconds | undefined;
  /** Ends the timer, lets a running collection end, collects once more. */
  stop(): Promise<void>;
  /** From now on nothing is collected, and the batches of a running collection are dropped. */
  cancel(): void;
}

/** Collects at each multiple of the pull's interval; skipped multiples are counted. */
export function startTicker(pull: Pull, context: TickerContext): Ticker {
  const { clock, counters, health, deliver } = context;
  const { kind, id } = context.subject;
  const attributes = { [kind]: id, collect: pull.name };
  const subject = { ...context.subject, pull: pull.name };
  let stopped: Promise<void> | undefined;
  let isCancelled = false;
  let collectingSince: Nanoseconds | undefined;
  const schedule = startSchedule(
    {
      every: pull.every,
      run: collect,
      onSkipped: (times) => counters.add(runtimeCounters.collectSkipped, times, attributes),
    },
    clock,
  );

  async function collect(): Promise<void> {
    try {
      const batches = await begin();
      health.healthy(subject);
      await Promise.all(batches.map(isCancelled ? drop : deliver));
    } catch (error) {
      counters.add(runtimeCounters.collectErrors, 1, attributes);
      health.unhealthy(subject, messageOf(error), { sentence: 'Collecting failed.' });
    }
  }

  async function begin(): Promise<readonly Batch[]> {
    collectingSince = clock.elapsed();
    try {
      return await pull.collect();
    } finally {
      collectingSince = undefined;
    }
  }

  function drop(batch: Batch): void {
    const lost = { component: `${kind} ${id}`, signal: batch.signal, reason: 'shutdown' };
    counters.add(runtimeCounters.itemsDropped, itemCount(batch), lost);
  }

  async function finish(): Promise<void> {
    await schedule.stop();
    if (!isCancelled) await collect();
  }

  return {
    get collectingSince() {
      return collectingSince;
    },
    stop() {
      stopped ??= finish();
      return stopped;
    },
    cancel() {
      isCancelled = true;
    },
  };
}
