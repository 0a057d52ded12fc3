import type { Signal } from '../../telemetry/batch.ts';
import { type CounterMetric, counter, type Emits } from '../../telemetry/emits.ts';

const filtered = (noun: string, unit: string, what: string) =>
  counter({
    name: `otelcol_processor_filter_${noun}.filtered`,
    unit,
    meaning: `${what} that a processor \`filter\` dropped, as its configuration says.`,
    isLoss: false,
  });

/** Under the Collector's names. */
export const filteredItems: Readonly<Record<Exclude<Signal, 'profiles'>, CounterMetric>> = {
  metrics: filtered('datapoints', '{datapoint}', 'Data points'),
  logs: filtered('logs', '{record}', 'Log records'),
  traces: filtered('spans', '{span}', 'Spans'),
};

export const filterCounters = {
  spanEvents: counter({
    name: 'earshot.agent.filter.span_events.dropped',
    unit: '{event}',
    meaning:
      'Events of spans that a processor `filter` dropped, as its configuration says; the spans went on.',
    isLoss: false,
  }),
  errors: counter({
    name: 'earshot.agent.filter.errors',
    unit: '{error}',
    meaning: 'Conditions that could not be evaluated for an item and were taken as not met.',
    isLoss: false,
  }),
} as const;

export const filterEmits: Emits = {
  counters: [...Object.values(filteredItems), ...Object.values(filterCounters)],
};
