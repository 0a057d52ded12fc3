import type { Attributes, HrTime } from '@opentelemetry/api';
import {
  AggregationTemporality,
  type DataPoint,
  type MetricData,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import type { Counters } from '../counters.ts';
import { counter } from '../emits.ts';
import { seriesKey } from '../series-key.ts';
import type { Nanoseconds } from '../units.ts';
import { type Addition, additionOf } from './add-values.ts';

export const cumulativeCounters = {
  pointsDropped: counter({
    name: 'earshot.agent.points.dropped',
    unit: '{datapoint}',
    meaning: 'Data points that an exporter had no room to accumulate, by exporter and reason.',
    isLoss: true,
  }),
  seriesForgotten: counter({
    name: 'earshot.agent.series.forgotten',
    unit: '{series}',
    meaning: 'Series that an exporter stopped accumulating because no points came any more; nothing is lost.',
    isLoss: false,
  }),
} as const;

export interface CumulativeOptions {
  /** A series not seen for so long is forgotten; should it come back, it starts anew. */
  readonly maxStale: Nanoseconds;
  /** Points of further series are dropped and counted. */
  readonly maxStreams: number;
  readonly counters: Counters;
  /** The id of the exporter, for the counters. */
  readonly exporter: string;
}

interface Series {
  startTime: HrTime;
  value: unknown;
  /** Nanoseconds since the epoch, rounded by the double; only differences of minutes matter. */
  lastSeen: number;
}

/**
 * Turns deltas into totals since each series began, for destinations that want those. Gauges, and metrics that are
 * cumulative already, pass unchanged. The clock is that of the points, so a replay works as live data does.
 */
export function createCumulative(options: CumulativeOptions) {
  const { counters, exporter } = options;
  const resources = new Map<string, Map<string, Series>>();
  let streams = 0;
  let now = 0;

  /** The totals of a point's series, or undefined: there is no room for another series. */
  function accumulate(
    known: Map<string, Series>,
    key: string,
    point: DataPoint<unknown>,
    plus: Addition,
  ): DataPoint<unknown> | undefined {
    if (Number.isNaN(point.value)) return point; // a source says that it has none
    const lastSeen = point.endTime[0] * 1e9 + point.endTime[1];
    now = Math.max(now, lastSeen);
    const series = known.get(key);
    // Only values of this metric's own kind are stored under its key.
    const total = series && plus(series.value as never, point.value as never);
    if (series) {
      // Histograms of other bounds do not add up: the series begins anew.
      const startTime = total === undefined ? point.startTime : series.startTime;
      Object.assign(series, { startTime, value: total ?? point.value, lastSeen });
      return { ...point, startTime, value: series.value };
    }
    if (streams >= options.maxStreams) {
      counters.add(cumulativeCounters.pointsDropped, 1, { exporter, reason: 'max_streams' });
      return undefined;
    }
    streams += 1;
    known.set(key, { startTime: point.startTime, value: point.value, lastSeen });
    return point;
  }

  function accumulateMetric(known: Map<string, Series>, scope: string, metric: MetricData): MetricData {
    if (metric.aggregationTemporality !== AggregationTemporality.DELTA) return metric;
    const aggregationTemporality = AggregationTemporality.CUMULATIVE;
    const prefix = `${scope}\n${metric.descriptor.name}\n${metric.dataPointType}\n`;
    const plus = additionOf(metric);
    if (plus === undefined) return metric;
    const dataPoints = (metric.dataPoints as readonly DataPoint<unknown>[]).flatMap(
      (point) => accumulate(known, prefix + seriesKey(point.attributes), point, plus) ?? [],
    );
    return { ...metric, aggregationTemporality, dataPoints } as MetricData; // points of the same kind
  }

  function forgetStale(): void {
    let forgotten = 0;
    for (const [resource, known] of resources) {
      for (const [key, series] of known) {
        if (now - series.lastSeen <= options.maxStale) continue;
        known.delete(key);
        forgotten += 1;
      }
      if (known.size === 0) resources.delete(resource);
    }
    streams -= forgotten;
    if (forgotten > 0) counters.add(cumulativeCounters.seriesForgotten, forgotten, { exporter });
  }

  function knownOf(resource: Attributes): Map<string, Series> {
    const key = seriesKey(resource);
    const known = resources.get(key) ?? new Map<string, Series>();
    resources.set(key, known);
    return known;
  }

  return (batch: readonly ResourceMetrics[]): readonly ResourceMetrics[] => {
    const totals = batch.map((of) => {
      const known = knownOf(of.resource.attributes);
      return {
        ...of,
        scopeMetrics: of.scopeMetrics.map((scope) => ({
          ...scope,
          metrics: scope.metrics.map((metric) => accumulateMetric(known, scope.scope.name, metric)),
        })),
      };
    });
    forgetStale();
    return totals;
  };
}
