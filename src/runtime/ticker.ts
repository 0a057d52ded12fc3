import type { Pull } from '../component.ts';
import { agentMetrics } from '../telemetry/agent.ts';
import { type Batch, itemCount } from '../telemetry/batch.ts';
import type { Counters } from '../telemetry/counters.ts';
import { nanoseconds, seconds } from '../telemetry/units.ts';
import type { Clock, Timer } from './clock.ts';
import { type Health, messageOf } from './health.ts';

/** The first collection comes soon, whatever the interval: nobody waits ten seconds to see that it works. */
const firstAfter = seconds(1);

export interface TickerContext {
  /** Whose pull it is. */
  readonly kind: 'receiver' | 'processor';
  readonly id: string;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly health: Health;
  /** Hands a batch to the pipelines; slow pipelines make the pull overrun. */
  deliver(batch: Batch): Promise<void>;
}

export interface Ticker {
  /** Ends the timer, lets a running collection end, collects once more. */
  stop(): Promise<void>;
  /** From now on nothing is collected, and what a running collection brings is dropped. */
  abandon(): void;
}

/** Asks a pull at each multiple of its interval; what is missed meanwhile is skipped and counted. */
export function startTicker(pull: Pull, context: TickerContext): Ticker {
  const { kind, id, clock, counters, health, deliver } = context;
  const attributes = { [kind]: id, collect: pull.name };
  const subject = { kind, id, pull: pull.name };
  const began = clock.elapsed() + Math.min(firstAfter, pull.every);
  let due = began;
  let running: Promise<void> | undefined;
  let stopped: Promise<void> | undefined;
  let isAbandoned = false;
  let timer: Timer = schedule();

  function schedule(): Timer {
    return clock.setTimer(nanoseconds(Math.max(0, due - clock.elapsed())), tick);
  }

  function tick(): void {
    running = collect().finally(() => {
      running = undefined;
      if (!stopped) next();
    });
  }

  function next(): void {
    const passed = Math.floor((clock.elapsed() - due) / pull.every);
    if (passed > 0) counters.add(agentMetrics.collectSkipped.name, passed, attributes);
    due += (Math.max(0, passed) + 1) * pull.every;
    timer = schedule();
  }

  async function collect(): Promise<void> {
    try {
      const batches = await pull.collect();
      health.healthy(subject);
      await Promise.all(batches.map(isAbandoned ? drop : deliver));
    } catch (error) {
      counters.add(agentMetrics.collectErrors.name, 1, attributes);
      health.unhealthy(subject, messageOf(error), { sentence: 'Collecting failed.' });
    }
  }

  function drop(batch: Batch): void {
    const lost = { component: `${kind} ${id}`, signal: batch.signal, reason: 'shutdown' };
    counters.add(agentMetrics.itemsDropped.name, itemCount(batch), lost);
  }

  async function finish(): Promise<void> {
    timer.cancel();
    await running;
    if (!isAbandoned) await collect();
  }

  return {
    stop() {
      stopped ??= Promise.resolve().then(finish);
      return stopped;
    },
    abandon() {
      isAbandoned = true;
    },
  };
}
