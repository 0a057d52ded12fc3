import type { Attributes, HrTime } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import type { MetricData, ResourceMetrics } from '@opentelemetry/sdk-metrics';
import type { Batch, Signal } from './batch.ts';
import { unixTime } from './metrics/build.ts';
import { mergePoints } from './metrics/merge.ts';
import type { UnixNanoseconds } from './units.ts';

/** The items of one resource: data points of an interval, or one log record. */
export interface ItemsOfResource {
  /** The end of the interval, or the record's time. */
  readonly at: UnixNanoseconds;
  readonly items: number;
}

export interface ItemOf {
  readonly at: UnixNanoseconds;
  /** As it is in the batch, before the visit. */
  readonly resource: Resource;
}

/** Replaces resources and attributes, whatever the signal. Items are visited after their resource. */
export interface Visit {
  /** Undefined drops the resource with its items. */
  resource(resource: Resource, of: ItemsOfResource): Resource | undefined;
  /** The same object if nothing changes. */
  item(attributes: Attributes, of: ItemOf): Attributes;
  /** Data points whose attributes become equal are added up. */
  readonly mergesEqual?: boolean;
}

type BatchOf<S extends Signal> = Extract<Batch, { readonly signal: S }>;

/** A signal in a batch; a further one is a row of `signals`. */
interface SignalKind<S extends Signal> {
  empty(): BatchOf<S>;
  map(batch: BatchOf<S>, visit: Visit): BatchOf<S>;
  /** Visits without building a batch: results of the visit are ignored. */
  walk(batch: BatchOf<S>, visit: Visit): void;
}

const signals: { readonly [S in Signal]: SignalKind<S> } = {
  metrics: {
    empty: () => ({ signal: 'metrics', resourceMetrics: [] }),
    map(batch, visit) {
      const clock = createClock();
      const resourceMetrics = batch.resourceMetrics.flatMap((of) => mapMetrics(of, visit, clock) ?? []);
      return { signal: 'metrics', resourceMetrics };
    },
    walk(batch, visit) {
      const clock = createClock();
      for (const of of batch.resourceMetrics) {
        const { resource, scopeMetrics } = of;
        visit.resource(resource, itemsOf(of, clock));
        for (const { metrics } of scopeMetrics)
          for (const { dataPoints } of metrics)
            for (const { attributes, endTime } of dataPoints)
              visit.item(attributes, { at: clock(endTime), resource });
      }
    },
  },
  logs: {
    empty: () => ({ signal: 'logs', records: [] }),
    map(batch, visit) {
      const clock = createClock();
      return { signal: 'logs', records: batch.records.flatMap((of) => mapRecord(of, visit, clock) ?? []) };
    },
    walk(batch, visit) {
      const clock = createClock();
      for (const { resource, attributes, hrTime } of batch.records) {
        const at = clock(hrTime);
        visit.resource(resource, { at, items: 1 });
        visit.item(attributes, { at, resource });
      }
    },
  },
};

export const emptyBatch = (signal: Signal): Batch => signals[signal].empty();

export function mapBatch<S extends Signal>(batch: BatchOf<S>, visit: Visit): BatchOf<S> {
  return kindOf(batch).map(batch, visit);
}

export function walkBatch<S extends Signal>(batch: BatchOf<S>, visit: Visit): void {
  kindOf(batch).walk(batch, visit);
}

// A batch names its own signal, which TypeScript does not relate to the row.
const kindOf = <S extends Signal>(batch: BatchOf<S>) => signals[batch.signal] as unknown as SignalKind<S>;

type ToUnix = (time: HrTime) => UnixNanoseconds;

/** Points of one reading share their time: it is converted once. */
function createClock(): ToUnix {
  let last: HrTime = [0, 0];
  let converted = unixTime(last);
  return (time) => {
    if (time !== last && (time[0] !== last[0] || time[1] !== last[1])) converted = unixTime(time);
    last = time;
    return converted;
  };
}

function itemsOf({ scopeMetrics }: ResourceMetrics, clock: ToUnix): ItemsOfResource {
  let end: HrTime | undefined;
  let items = 0;
  for (const { metrics } of scopeMetrics)
    for (const { dataPoints } of metrics) {
      end ??= dataPoints[0]?.endTime;
      items += dataPoints.length;
    }
  return { at: clock(end ?? [0, 0]), items };
}

function mapMetrics(of: ResourceMetrics, visit: Visit, clock: ToUnix): ResourceMetrics | undefined {
  const resource = visit.resource(of.resource, itemsOf(of, clock));
  if (resource === undefined) return undefined;
  const mapMetric = (metric: MetricData): MetricData => {
    const dataPoints = metric.dataPoints.map((point) => {
      const attributes = visit.item(point.attributes, { at: clock(point.endTime), resource: of.resource });
      return attributes === point.attributes ? point : { ...point, attributes };
    });
    const mapped = { ...metric, dataPoints } as MetricData; // points of the same kind as before
    return visit.mergesEqual ? mergePoints(mapped) : mapped;
  };
  const scopeMetrics = of.scopeMetrics.map((scope) => ({ ...scope, metrics: scope.metrics.map(mapMetric) }));
  return { resource, scopeMetrics };
}

function mapRecord(of: ReadableLogRecord, visit: Visit, clock: ToUnix): ReadableLogRecord | undefined {
  const at = clock(of.hrTime);
  const resource = visit.resource(of.resource, { at, items: 1 });
  if (resource === undefined) return undefined;
  const attributes = visit.item(of.attributes, { at, resource: of.resource });
  const isSame = resource === of.resource && attributes === of.attributes;
  return isSame ? of : { ...of, resource, attributes };
}
