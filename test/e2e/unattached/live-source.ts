import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import type { Source, SourceContext } from '../../../src/identity/source.ts';
import { createCounters } from '../../../src/telemetry/counters.ts';
import { nanoseconds } from '../../../src/telemetry/units.ts';
import { memoryFacts } from '../../unit/identity/memory-facts.ts';

/** A source as the agent runs it: with the real clock, asked four times a second. */
export function liveSource(open: (context: SourceContext) => Source) {
  const facts = memoryFacts();
  const counters = createCounters();
  const source = open({
    log: pino({ level: 'silent' }),
    counters,
    facts,
    elapsed: () => nanoseconds(Math.round(performance.now() * 1e6)),
    random: Math.random,
  });
  const timer = setInterval(() => source.tick(), 250);
  source.tick();
  return {
    source,
    facts,
    count: (name: string) =>
      counters
        .read()
        .filter((counter) => counter.metric.name === name)
        .reduce((sum, { value }) => sum + value, 0),
    /** Milliseconds until the condition held. */
    async until(what: string, holds: () => boolean, limit = 10_000): Promise<number> {
      const begin = performance.now();
      for (; performance.now() - begin < limit; await sleep(10))
        if (holds()) return performance.now() - begin;
      throw new Error(`not ${what} within ${limit} ms: ${source.name} is ${source.state} (${source.reason})`);
    },
    async close() {
      clearInterval(timer);
      await source.close();
    },
  };
}
