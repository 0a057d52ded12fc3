import { pino } from 'pino';
import type { Batch, Signal } from '../../../src/telemetry/batch.ts';
import { type Counters, createCounters } from '../../../src/telemetry/counters.ts';
import { Health } from '../../../src/telemetry/health.ts';
import { resource } from '../../../src/telemetry/metrics/build.ts';
import { batchWith, itemsIn } from '../batch-with.ts';
import { FakeBpf } from '../fake-bpf.ts';
import { FakeClock } from '../fake-clock.ts';
import { fakeMachine } from '../fake-machine.ts';

/** Everything a service needs, with nothing real in it. */
export function fakeWorld() {
  const logged: { msg: string; [field: string]: unknown }[] = [];
  const log = pino(
    { base: null, level: 'debug' },
    { write: (line: string) => void logged.push(JSON.parse(line)) },
  );
  const clock = new FakeClock();
  const counters = createCounters();
  return {
    ...{
      clock,
      counters,
      log,
      logged,
      bpf: new FakeBpf(),
      hostSettings: {},
      ownResource: resource({ 'service.name': 'earshot' }),
      dataAttributes: {},
      ...fakeMachine(),
      health: new Health(log),
    },
    messages: () => logged.map(({ msg }) => msg),
  };
}

/** The total of a counter over all attributes, or over those that have the given ones. */
export const total = (counters: Counters, name: string, having: Record<string, string> = {}) =>
  counters
    .read()
    .filter((counter) => counter.metric.name === name)
    .filter(({ attributes }) => Object.entries(having).every(([key, value]) => attributes[key] === value))
    .reduce((sum, { value }) => sum + value, 0);

/** Names of the counters that count lost data. */
export const losses = (counters: Counters): readonly string[] =>
  counters
    .read()
    .filter(({ metric, value }) => metric.isLoss && value > 0)
    .map(({ metric }) => metric.name);

/** A batch of so many items; `label` distinguishes it. */
export const batchOf = (signal: Signal, items: number, label = ''): Batch =>
  batchWith(signal, { test: Array.from({ length: items }, () => label) });

/** The labels of the items of a batch. */
export const labelsOf = (batch: Batch): readonly unknown[] => itemsIn(batch).map(({ label }) => label);
