import { AggregationTemporality, type MetricProducer } from '@opentelemetry/sdk-metrics';
import type { Clock } from '../machine/clock.ts';
import type { OwnProcess } from '../machine/own-process.ts';
import type { Counter, Counters } from '../telemetry/counters.ts';
import { resource, resourceMetrics } from '../telemetry/metrics/build.ts';
import { metricsOfCounters } from '../telemetry/metrics/of-counters.ts';
import type { UnixNanoseconds } from '../telemetry/units.ts';

/** The Collector's levels: `basic` are the metrics that it has too, both of the others all. */
export type Level = 'basic' | 'normal' | 'detailed';

export interface Sources {
  readonly counters: Pick<Counters, 'read'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly ownProcess: Pick<OwnProcess, 'read'>;
  /** When the agent started. */
  readonly start: UnixNanoseconds;
}

/** The agent's own counters for a reader of the SDK: totals since the agent started, which the reader's resource is put to. */
export function createProducer(
  { counters, clock, ownProcess, start }: Sources,
  level: Level,
): MetricProducer {
  const isShown = ({ metric }: Counter) => level !== 'basic' || metric.name.startsWith('otelcol_');
  return {
    async collect() {
      const readings = [...counters.read(), ...ownProcess.read()].filter(isShown);
      const metrics = metricsOfCounters(readings, { start, end: clock.now() }, ({ value }) => value).map(
        (metric) => ({ ...metric, aggregationTemporality: AggregationTemporality.CUMULATIVE }),
      );
      return { resourceMetrics: resourceMetrics(resource({}), metrics), errors: [] };
    },
  };
}
