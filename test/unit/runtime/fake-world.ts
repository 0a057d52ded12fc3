import { pino } from 'pino';
import { Health } from '../../../src/runtime/health.ts';
import type { Batch, Signal } from '../../../src/telemetry/batch.ts';
import { type Counters, createCounters } from '../../../src/telemetry/counters.ts';
import { event, gauge, resource, resourceMetrics } from '../../../src/telemetry/metrics/build.ts';
import { FakeClock } from '../fake-clock.ts';
import { noKernel } from '../fake-kernel.ts';
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
    ...{ clock, counters, log, logged, kernel: noKernel, ...fakeMachine(), health: new Health(log) },
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

const of = resource({ 'service.name': 'test' });

/** A batch of so many items; `label` tells it from others. */
export function batchOf(signal: Signal, items: number, label = ''): Batch {
  const now = new FakeClock().now();
  const each = Array.from({ length: items }, (_, value) => ({ value, attributes: { label } }));
  if (signal === 'logs') {
    const record = ({ attributes }: { attributes: { label: string } }) =>
      event(
        { name: 'test', meaning: '', attributes: [] },
        { resource: of, at: now, observed: now, attributes },
      );
    return { signal, records: each.map(record) };
  }
  const metric = { name: 'test', kind: 'gauge', unit: '1', meaning: '' } as const;
  return { signal, resourceMetrics: [resourceMetrics(of, [gauge(metric, { start: now, end: now }, each)])] };
}

/** The labels of the items of a batch. */
export function labelsOf(batch: Batch): readonly unknown[] {
  if (batch.signal === 'logs') return batch.records.map(({ attributes }) => attributes.label);
  return batch.resourceMetrics.flatMap(({ scopeMetrics }) =>
    scopeMetrics.flatMap(({ metrics }) =>
      metrics.flatMap(({ dataPoints }) => dataPoints.map(({ attributes }) => attributes.label)),
    ),
  );
}
