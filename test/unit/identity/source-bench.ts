import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { pino } from 'pino';
import type { Source, SourceContext } from '../../../src/identity/source.ts';
import { createCounters } from '../../../src/telemetry/counters.ts';
import { milliseconds, type Nanoseconds, nanoseconds } from '../../../src/telemetry/units.ts';
import { memoryFacts } from './memory-facts.ts';

/** A source on a clock that only the test moves. */
export function benchFor(t: TestContext, open: (context: SourceContext) => Source) {
  const facts = memoryFacts();
  const counters = createCounters();
  const logged: { level: number; msg: string }[] = [];
  let elapsed = nanoseconds(0);
  const source = open({
    log: pino({ level: 'info' }, { write: (line: string) => void logged.push(JSON.parse(line)) }),
    counters,
    facts,
    elapsed: () => elapsed,
    random: () => 0.5,
  });
  t.after(() => source.close());
  const until = async (isSo: () => boolean, passing = milliseconds(0)) => {
    // The server and the source speak over real sockets: this waits for them, not for the clock.
    for (let turn = 0; turn < 2000; turn++) {
      source.tick();
      if (isSo()) return;
      elapsed = nanoseconds(elapsed + passing);
      await setTimeout(turn < 200 ? 1 : 5);
    }
    assert.fail(`nothing of the kind: ${isSo}; the source is ${source.state}: ${source.reason}`);
  };
  return {
    source,
    facts,
    logged,
    until,
    /** While time passes too, so slowly that no answer is late. */
    untilLater: (isSo: () => boolean) => until(isSo, milliseconds(20)),
    /** Gives what is on its way time to arrive: for what must not happen. */
    async settle() {
      for (let turn = 0; turn < 10; turn++) {
        source.tick();
        await setTimeout(3);
      }
    },
    pass(by: Nanoseconds) {
      elapsed = nanoseconds(elapsed + by);
    },
    count: (name: string, attributes: Readonly<Record<string, string>> = {}) =>
      counters
        .read()
        .filter(
          (counter) =>
            counter.metric.name === name &&
            Object.entries(attributes).every(([key, value]) => counter.attributes[key] === value),
        )
        .reduce((sum, { value }) => sum + value, 0),
  };
}
