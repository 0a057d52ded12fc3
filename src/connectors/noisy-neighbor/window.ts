import type { Attributes } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import {
  type DataPoint,
  DataPointType,
  type MetricData,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import { culpritAttributes, otherCulprit } from '../../telemetry/attributes/culprit.ts';
import { culpritName, workloadName } from '../../telemetry/attributes/readable-name.ts';
import { resourceAttributes } from '../../telemetry/attributes/resource.ts';
import { type Cause, causes, waitAttributes } from '../../telemetry/attributes/wait.ts';
import { workloadAttributes } from '../../telemetry/attributes/workload.ts';
import type { Interval } from '../../telemetry/metrics/build.ts';
import { merge, quantile } from '../../telemetry/metrics/histogram.ts';
import type { MetricsBatch } from '../../telemetry/metrics/metrics.ts';
import { waitMetrics } from '../../telemetry/metrics/wait.ts';
import { seriesKey } from '../../telemetry/series-key.ts';
import { unixTime } from '../../telemetry/units.ts';

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
  readonly blame: readonly Blame[];
  readonly preemptions: ReadonlyMap<Cause, number>;
}

/** Time that one culprit took for one cause. */
export interface Blame {
  readonly cause: Cause;
  /** Undefined: the culprits beyond the named ones, or one without a name. */
  readonly culprit: Culprit | undefined;
  readonly time: number;
  /** The part of it beyond the culprit's share. */
  readonly excess: number;
}

export interface Culprit {
  readonly cgroup: string;
  readonly name: string;
  readonly attributes: Attributes;
}

/** Undefined: the batch has no metric of waiting. */
export function windowOf({ resourceMetrics }: MetricsBatch): Window | undefined {
  const point = firstPoint(resourceMetrics);
  if (!point) return undefined;
  const { startTime, endTime } = point;
  const [start, end] = [unixTime(startTime), unixTime(endTime)];
  const culprits = new Culprits();
  const read = resourceMetrics.map((of) => observe(of, culprits)).filter((of) => of !== undefined);
  return {
    ...{ start, end, seconds: Number(end - start) / 1e9 },
    workloads: distinct(read),
    running: new Map(
      read.map(({ resource, run }) => [String(resource.attributes[resourceAttributes.cgroupId.key]), run]),
    ),
  };
}

const known = new Set<string>(Object.values(waitMetrics).map(({ name }) => name));

const metricsOf = ({ scopeMetrics }: ResourceMetrics) => scopeMetrics.flatMap(({ metrics }) => metrics);

function firstPoint(all: readonly ResourceMetrics[]): DataPoint<unknown> | undefined {
  for (const of of all)
    for (const { descriptor, dataPoints } of metricsOf(of))
      if (known.has(descriptor.name) && dataPoints[0]) return dataPoints[0];
  return undefined;
}

function observe(of: ResourceMetrics, culprits: Culprits): Observation | undefined {
  const all = metricsOf(of);
  if (!all.some(({ descriptor }) => known.has(descriptor.name))) return undefined;
  const { attributes } = of.resource;
  const histograms = all.flatMap((metric) =>
    metric.descriptor.name === waitMetrics.waitDuration.name &&
    metric.dataPointType === DataPointType.EXPONENTIAL_HISTOGRAM
      ? metric.dataPoints.map(({ value }) => value)
      : [],
  );
  const durations = histograms.length > 0 ? histograms.reduce(merge) : undefined;
  const waits = byCause(sums(all, waitMetrics.waitTime));
  return {
    key: keyOf(attributes),
    resource: of.resource,
    name: workloadName(attributes) ?? 'unknown',
    run: total(sums(all, waitMetrics.runTime)),
    wait: [...waits.values()].reduce((a, b) => a + b, 0),
    waits: durations?.count ?? 0,
    p99: durations && quantile(durations, 0.99),
    causes: waits,
    entitled: byCause(sums(all, waitMetrics.entitledTime)),
    blame: blameOf(all, culprits),
    preemptions: byCause(sums(all, waitMetrics.preemptions)),
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

function blameOf(all: readonly MetricData[], culprits: Culprits): readonly Blame[] {
  // of a victim a culprit has excess for one cause: what the two are to each other
  const excesses = new Map(sums(all, waitMetrics.excessTime).map((point) => [cgroupOf(point), point]));
  return sums(all, waitMetrics.blameTime).map((point) => {
    const excess = excesses.get(cgroupOf(point));
    return {
      cause: causeOf(point),
      culprit: culprits.of(point.attributes),
      time: point.value,
      excess: excess && causeOf(excess) === causeOf(point) ? excess.value : 0,
    };
  });
}

const cgroupOf = ({ attributes }: DataPoint<number>) => attributes[culpritAttributes.cgroupId.key];

/** The culprits of one window: one that many wait for is read once. */
class Culprits {
  readonly #byCgroup = new Map<unknown, Culprit | undefined>();

  of(attributes: Attributes): Culprit | undefined {
    const cgroup = attributes[culpritAttributes.cgroupId.key];
    const known = this.#byCgroup.get(cgroup);
    if (known || this.#byCgroup.has(cgroup)) return known;
    const name = culpritName(attributes);
    const isNamed = cgroup !== undefined && cgroup !== otherCulprit && name !== undefined && name !== cgroup;
    const culprit = isNamed ? { cgroup: String(cgroup), name, attributes } : undefined;
    this.#byCgroup.set(cgroup, culprit);
    return culprit;
  }
}

const sums = (
  all: readonly MetricData[],
  { name }: { readonly name: string },
): readonly DataPoint<number>[] =>
  all.flatMap((metric) =>
    metric.descriptor.name === name && metric.dataPointType === DataPointType.SUM ? metric.dataPoints : [],
  );

const total = (points: readonly DataPoint<number>[]) => points.reduce((sum, { value }) => sum + value, 0);

function byCause(points: readonly DataPoint<number>[]): ReadonlyMap<Cause, number> {
  const sumsOf = new Map<Cause, number>();
  for (const point of points) {
    const cause = causeOf(point);
    sumsOf.set(cause, (sumsOf.get(cause) ?? 0) + point.value);
  }
  return sumsOf;
}

const causeOf = ({ attributes }: DataPoint<number>): Cause =>
  causeByName.get(attributes[waitAttributes.cause.key]) ?? 'unknown';

const causeByName = new Map<unknown, Cause>(causes.map((cause) => [cause, cause]));

/** CPUs that a workload requests; undefined: not known, or none. */
export const requestOf = (of: Attributes): number | undefined => {
  const request = of[workloadAttributes.cpuRequest.key] ?? of[culpritAttributes.cpuRequest.key];
  return typeof request === 'number' && request > 0 ? request : undefined;
};
