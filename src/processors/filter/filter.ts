import type { Host, Processor, ProcessorComponent } from '../../component.ts';
import { type Batch, bySignal, itemCount } from '../../telemetry/batch.ts';
import { messageOf } from '../../telemetry/health.ts';
import { type Condition, parseCondition } from './condition.ts';
import { conditionsOf, type FilterConfig, filterConfig, filterProblems, type Written } from './config.ts';
import { type Drop, dropMetrics, dropRecords, dropSpans } from './drop.ts';
import { filterCounters, filterEmits, filteredItems } from './emits.ts';
import type { Context, Subject } from './paths.ts';
import { hasRules, metricDrops, recordDrops } from './rules.ts';

/** As the Collector's, with the part of its language that docs/FILTER.md describes. */
export const filter: ProcessorComponent<typeof filterConfig> = {
  kind: 'processor',
  type: 'filter',
  summary: 'Drops metrics, data points, log records, spans and their events by conditions, counted.',
  stability: { metrics: 'beta', logs: 'beta', traces: 'alpha' },
  config: filterConfig,
  emits: filterEmits,
  check: filterProblems,
  open: openFilter,
};

async function openFilter(config: FilterConfig, host: Host): Promise<Processor> {
  const { counters } = host;
  const of = { component: host.id };
  const evaluate = evaluator(config.error_mode, host);
  const conditions = conditionsOf(config).map((written) => ({
    ...written,
    condition: parseCondition(written.text, written),
  }));
  const drop = (signal: Written['signal'], ...contexts: readonly Context[]): Drop =>
    anyOf(
      conditions
        .filter((each) => each.signal === signal && contexts.includes(each.condition.context))
        .map(({ path, condition }) => evaluate(path.join('::'), condition)),
    );
  const metrics = hasRules(config.metrics)
    ? metricDrops(config.metrics ?? {})
    : {
        resource: drop('metrics', 'resource'),
        metric: drop('metrics', 'scope', 'metric'),
        datapoint: drop('metrics', 'datapoint'),
      };
  const logs = hasRules(config.logs)
    ? recordDrops(config.logs ?? {})
    : { resource: drop('logs', 'resource'), log: drop('logs', 'scope', 'log') };
  const spans = {
    resource: drop('traces', 'resource'),
    span: drop('traces', 'scope', 'span'),
    spanevent: drop('traces', 'spanevent'),
  };
  const onEvents = (dropped: number) => counters.add(filterCounters.spanEvents, dropped, of);
  const kept = (batch: Batch) =>
    bySignal<Batch>(batch, {
      metrics: (each) => dropMetrics(each, metrics),
      logs: (each) => dropRecords(each, logs),
      traces: (each) => dropSpans(each, spans, onEvents),
    }) ?? batch;
  return {
    process(batch) {
      const rest = kept(batch);
      if (rest !== batch && batch.signal !== 'profiles') {
        const dropped = itemCount(batch) - itemCount(rest);
        if (dropped > 0) counters.add(filteredItems[batch.signal], dropped, of);
      }
      return rest;
    },
    close: async () => {},
  };
}

function anyOf(tests: readonly ((of: Subject) => boolean)[]): Drop {
  if (tests.length <= 1) return tests[0];
  return (of) => tests.some((test) => test(of));
}

/** What becomes of a condition that throws for an item. */
function evaluator(mode: FilterConfig['error_mode'], { counters, log, id }: Host) {
  return (path: string, { test }: Condition) => {
    if (mode === 'propagate') return test;
    return (of: Subject) => {
      try {
        return test(of);
      } catch (error) {
        counters.add(filterCounters.errors, 1, { component: id });
        if (mode === 'ignore')
          log.warn({ condition: path, error: messageOf(error) }, 'A condition cannot be evaluated.');
        return false;
      }
    };
  };
}
