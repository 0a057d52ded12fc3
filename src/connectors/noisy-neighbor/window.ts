import type { Attributes } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import {
  type DataPoint,
  DataPointType,
  type ExponentialHistogram,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import { culpritAttributes } from '../../telemetry/attributes/culprit.ts';
import { workloadName } from '../../telemetry/attributes/readable-name.ts';
import { resourceAttributes } from '../../telemetry/attributes/resource.ts';
import type { Cause } from '../../telemetry/attributes/wait.ts';
import { workloadAttributes } from '../../telemetry/attributes/workload.ts';
import type { Interval } from '../../telemetry/metrics/build.ts';
import { merge, quantile } from '../../telemetry/metrics/histogram.ts';
import type { MetricsBatch } from '../../telemetry/metrics/metrics.ts';
import { waitMetrics } from '../../telemetry/metrics/wait.ts';
import { seriesKey } from '../../telemetry/series-key.ts';
import { unixTime } from '../../telemetry/units.ts';
import { type Blame, Blames, causeOf } from './blame.ts';

/** What one reading of the scheduler says of all workloads. */
export interface Window extends Interval {
  readonly seconds: number;
  readonly workloads: readonly Observation[];
  /** Run time by cgroup id, seconds. */
  readonly running: ReadonlyMap<string, number>;
}

/** One workload in one window; times are seconds. */
export interface Observation {
  /** The same in all windows. */
  readonly key: string;
  readonly resource: Resource;
  readonly name: string;
  readonly run: number;
  /** All causes together. */
  readonly wait: number;
  /** Completed ones. */
  readonly waits: number;
  readonly p99: number | undefined;
  readonly causes: ReadonlyMap<Cause, number>;
  /** Of the time of a cause, what its culprits were entitled to. */
  readonly entitled: ReadonlyMap<Cause, number>;
  readonly blame: Blame;
  readonly preemptions: ReadonlyMap<Cause, number>;
}

/** Undefined: the batch has no metric of waiting. */
export function windowOf({ resourceMetrics }: MetricsBatch): Window | undefined {
  const found: (readonly [Resource, Points])[] = [];
  let rows = 0;
  for (const of of resourceMetrics) {
    const points = pointsIn(of);
    if (!points) continue;
    found.push([of.resource, points]);
    rows += points.sums.blameTime?.length ?? 0;
  }
  const first = found.find(([, points]) => points.first)?.[1].first;
  if (!first) return undefined;
  const blames = new Blames(rows);
  const read = found.map(([resource, points]) => observe(resource, points, blames));
  const running = new Map(
    read.map(({ resource, run }) => [String(resource.attributes[resourceAttributes.cgroupId.key]), run]),
  );
  const [start, end] = [unixTime(first.startTime), unixTime(first.endTime)];
  return {
    ...{ start, end, seconds: Number(end - start) / 1e9 },
    ...{ workloads: distinct(read), running },
  };
}

type Part = keyof typeof waitMetrics;

const partByName = new Map<string, Part>(
  (Object.keys(waitMetrics) as Part[]).map((part) => [waitMetrics[part].name, part]), // its only keys
);

/** The points of one resource, by metric. */
interface Points {
  first: DataPoint<unknown> | undefined;
  durations: ExponentialHistogram | undefined;
  readonly sums: { -readonly [P in Part]?: readonly DataPoint<number>[] };
}

/** Undefined: the resource has no metric of waiting. */
function pointsIn({ scopeMetrics }: ResourceMetrics): Points | undefined {
  let points: Points | undefined;
  for (const { metrics } of scopeMetrics)
    for (const metric of metrics) {
      const part = partByName.get(metric.descriptor.name);
      if (!part) continue;
      points ??= { first: undefined, durations: undefined, sums: {} };
      points.first ??= metric.dataPoints[0];
      if (metric.dataPointType === DataPointType.SUM) {
        const former = points.sums[part];
        points.sums[part] = former ? [...former, ...metric.dataPoints] : metric.dataPoints;
      } else if (metric.dataPointType === DataPointType.EXPONENTIAL_HISTOGRAM && part === 'waitDuration')
        for (const { value } of metric.dataPoints)
          points.durations = points.durations ? merge(points.durations, value) : value;
    }
  return points;
}

function observe(resource: Resource, { durations, sums }: Points, blames: Blames): Observation {
  const { attributes } = resource;
  const waits = byCause(sums.waitTime);
  return {
    key: keyOf(attributes),
    resource,
    name: workloadName(attributes) ?? 'unknown',
    run: total(sums.runTime),
    wait: sumOfAll(waits),
    waits: durations?.count ?? 0,
    p99: durations && quantile(durations, 0.99),
    causes: waits,
    entitled: byCause(sums.entitledTime),
    blame: blames.of(sums),
    preemptions: byCause(sums.preemptions),
  };
}

/** A restarted container is the same workload. */
function keyOf(attributes: Attributes): string {
  const key =
    attributes[resourceAttributes.serviceInstanceId.key] ?? attributes[resourceAttributes.cgroupId.key];
  return key === undefined ? seriesKey(attributes) : String(key);
}

/** Two containers of one key in one window, a former and its successor: the one with more to say. */
function distinct(all: readonly Observation[]): readonly Observation[] {
  const byKey = new Map<string, Observation>();
  for (const of of all) {
    const other = byKey.get(of.key);
    if (!other || of.run + of.wait > other.run + other.wait) byKey.set(of.key, of);
  }
  return byKey.size === all.length ? all : [...byKey.values()];
}

function total(points: readonly DataPoint<number>[] = []): number {
  let sum = 0;
  for (const { value } of points) sum += value;
  return sum;
}

function sumOfAll(of: ReadonlyMap<Cause, number>): number {
  let sum = 0;
  for (const time of of.values()) sum += time;
  return sum;
}

const nothing: ReadonlyMap<Cause, number> = new Map();

function byCause(points: readonly DataPoint<number>[] = []): ReadonlyMap<Cause, number> {
  if (points.length === 0) return nothing;
  const sums = new Map<Cause, number>();
  for (const point of points) {
    const cause = causeOf(point);
    sums.set(cause, (sums.get(cause) ?? 0) + point.value);
  }
  return sums;
}

/** CPUs that a workload requests; undefined: not known, or none. */
export const requestOf = (of: Attributes): number | undefined => {
  const request = of[workloadAttributes.cpuRequest.key] ?? of[culpritAttributes.cpuRequest.key];
  return typeof request === 'number' && request > 0 ? request : undefined;
};
