import type { Pull } from '../component.ts';
import { type Batch, itemCount } from '../telemetry/batch.ts';
import type { Counters } from '../telemetry/counters.ts';
import type { TimerClock } from './clock.ts';
import { runtimeCounters } from './emits.ts';
import { type Health, messageOf } from './health.ts';
import { startSchedule } from './schedule.ts';

export interface TickerContext {
  /** The component that has the pull. */
  readonly kind: 'receiver' | 'processor' | 'connector';
  readonly id: string;
  readonly clock: TimerClock;
  readonly counters: Counters;
  readonly health: Health;
  /** Hands a batch to the pipelines; slow pipelines make the pull overrun. */
  deliver(batch: Batch): Promise<void>;
}

export interface Ticker {
  /** Ends the timer, lets a running collection end, collects once more. */
  stop(): Promise<void>;
  /** From now on nothing is collected, and the batches of a running collection are dropped. */
  abandon(): void;
}

/** Collects at each multiple of the pull's interval; skipped multiples are counted. */
export function startTicker(pull: Pull, context: TickerContext): Ticker {
  const { kind, id, clock, counters, health, deliver } = context;
  const attributes = { [kind]: id, collect: pull.name };
  const subject = { kind, id, pull: pull.name };
  let stopped: Promise<void> | undefined;
  let isAbandoned = false;
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
      const batches = await pull.collect();
      health.healthy(subject);
      await Promise.all(batches.map(isAbandoned ? drop : deliver));
    } catch (error) {
      counters.add(runtimeCounters.collectErrors, 1, attributes);
      health.unhealthy(subject, messageOf(error), { sentence: 'Collecting failed.' });
    }
  }

  function drop(batch: Batch): void {
    const lost = { component: `${kind} ${id}`, signal: batch.signal, reason: 'shutdown' };
    counters.add(runtimeCounters.itemsDropped, itemCount(batch), lost);
  }

  async function finish(): Promise<void> {
    await schedule.stop();
    if (!isAbandoned) await collect();
  }

  return {
    stop() {
      stopped ??= finish();
      return stopped;
    },
    abandon() {
      isAbandoned = true;
    },
  };
}
