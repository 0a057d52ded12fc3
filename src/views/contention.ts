import type { Attributes, HrTime } from '@opentelemetry/api';
import {
  type DataPoint,
  DataPointType,
  type ExponentialHistogram,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import { culpritAttributes, otherCulprit } from '../telemetry/attributes/culprit.ts';
import { culpritName, nameOf, workloadName } from '../telemetry/attributes/readable-name.ts';
import { resourceAttributes } from '../telemetry/attributes/resource.ts';
import { type Cause, causes, waitAttributes } from '../telemetry/attributes/wait.ts';
import { workloadAttributes } from '../telemetry/attributes/workload.ts';
import { merge, quantile } from '../telemetry/metrics/histogram.ts';
import { waitMetrics } from '../telemetry/metrics/wait.ts';

/** The content of one screen; every figure is of the interval. */
export interface Screen {
  readonly end: Date;
  readonly seconds: number;
  /** Description of the recording; undefined: live data. */
  readonly recording: string | undefined;
  /** The workloads that waited, longest wait first. */
  readonly rows: readonly Row[];
  readonly total: Row;
}

export interface Row {
  readonly name: string;
  readonly waits: number;
  readonly p50: number | undefined;
  readonly p99: number | undefined;
  /** Seconds. */
  readonly wait: number;
  readonly run: number;
  readonly causes: ReadonlyMap<Cause, number>;
  readonly culprit: Culprit | undefined;
}

export interface Culprit {
  readonly name: string;
  /** Of the row's wait. */
  readonly share: number;
}

/** Undefined: the batch has no metric of waiting. */
export function screenOf(batch: readonly ResourceMetrics[]): Screen | undefined {
  const workloads = batch.map(readWorkload);
  const known = new Set<string>(Object.values(waitMetrics).map(({ name }) => name));
  const point = batch
    .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics))
    .filter(({ descriptor }) => known.has(descriptor.name))
    .flatMap(({ dataPoints }): DataPoint<unknown>[] => dataPoints)[0];
  if (!point) return undefined;
  const recording = batch
    .map(({ resource }) => resource.attributes[resourceAttributes.recording.key])
    .find(Boolean);
  return {
    end: new Date(toSeconds(point.endTime) * 1000),
    seconds: toSeconds(point.endTime) - toSeconds(point.startTime),
    recording: recording === undefined ? undefined : String(recording),
    rows: distinct(workloads.filter(({ wait }) => wait > 0))
      .sort((a, b) => b.wait - a.wait)
      .map(rowOf),
    total: { ...rowOf(workloads.reduce(addWorkload, nothing)), name: 'TOTAL', culprit: undefined },
  };
}

interface Workload {
  readonly name: string;
  readonly attributes: Attributes;
  readonly durations: ExponentialHistogram | undefined;
  readonly wait: number;
  readonly run: number;
  readonly causes: ReadonlyMap<Cause, number>;
  readonly culprits: ReadonlyMap<string, number>;
}

const nothing: Workload = {
  name: '',
  attributes: {},
  durations: undefined,
  wait: 0,
  run: 0,
  causes: new Map(),
  culprits: new Map(),
};

function rowOf({ name, durations, wait, run, causes: waits, culprits }: Workload): Row {
  const [main] = [...culprits].sort(([, a], [, b]) => b - a);
  return {
    name,
    waits: durations?.count ?? 0,
    p50: durations && quantile(durations, 0.5),
    p99: durations && quantile(durations, 0.99),
    wait,
    run,
    causes: waits,
    culprit: main && main[1] > roundingError ? { name: main[0], share: main[1] / wait } : undefined,
  };
}

/** A smaller time is a rounding error of a difference of seconds. */
const roundingError = 1e-9;

function addWorkload(a: Workload, b: Workload): Workload {
  return {
    ...nothing,
    durations: a.durations && b.durations ? merge(a.durations, b.durations) : (a.durations ?? b.durations),
    wait: a.wait + b.wait,
    run: a.run + b.run,
    causes: sumBy([...a.causes, ...b.causes]),
  };
}

/** Adds to the name of namesakes the first mark that differs for each of them. */
function distinct(workloads: readonly Workload[]): Workload[] {
  return [...Map.groupBy(workloads, ({ name }) => name).values()].flatMap((namesakes) => {
    if (namesakes.length === 1) return namesakes;
    const all = marks.map((mark) => namesakes.map((workload) => mark(workload.attributes)));
    const best = all.find((found) => new Set(found).size === namesakes.length) ?? all.at(-1) ?? [];
    return namesakes.map((workload, i) =>
      best[i] === undefined ? workload : { ...workload, name: `${workload.name} (${best[i]})` },
    );
  });
}

/** Marks that may distinguish namesakes, the most readable first. */
const marks: readonly ((of: Attributes) => string | undefined)[] = [
  (of) => nameOf(of, [workloadAttributes.containerId.key])?.slice(0, 12),
  (of) => nameOf(of, [resourceAttributes.cgroupPath.key])?.split('/').at(-1),
  (of) => nameOf(of, [resourceAttributes.cgroupPath.key]),
  (of) => nameOf(of, [resourceAttributes.cgroupId.key]),
];

function readWorkload({ resource, scopeMetrics }: ResourceMetrics): Workload {
  const all = scopeMetrics.flatMap((scope) => scope.metrics);
  const numbers = ({ name }: { readonly name: string }): readonly DataPoint<number>[] =>
    all.flatMap((metric) =>
      metric.descriptor.name === name && metric.dataPointType === DataPointType.SUM ? metric.dataPoints : [],
    );
  const histograms = all.flatMap((metric) =>
    metric.descriptor.name === waitMetrics.waitDuration.name &&
    metric.dataPointType === DataPointType.EXPONENTIAL_HISTOGRAM
      ? metric.dataPoints.map(({ value }) => value)
      : [],
  );
  const waits = sumBy(numbers(waitMetrics.waitTime).map((point) => [causeOf(point.attributes), point.value]));
  return {
    name: workloadName(resource.attributes) ?? 'unknown',
    attributes: resource.attributes,
    durations: histograms.length > 0 ? histograms.reduce(merge) : undefined,
    wait: [...waits.values()].reduce((a, b) => a + b, 0),
    run: numbers(waitMetrics.runTime).reduce((sum, { value }) => sum + value, 0),
    causes: waits,
    culprits: culpritsOf(waits, numbers(waitMetrics.blameTime)),
  };
}

/** Seconds by culprit: the named ones, and time blamed on no culprit under a word for its cause. */
function culpritsOf(
  waits: ReadonlyMap<Cause, number>,
  blame: readonly DataPoint<number>[],
): ReadonlyMap<string, number> {
  const named = blame.filter((point) => point.attributes[culpritAttributes.cgroupId.key] !== otherCulprit);
  const blamed = sumBy(blame.map((point) => [causeOf(point.attributes), point.value]));
  return sumBy([
    ...named.map((point): [string, number] => [culpritOf(point.attributes), point.value]),
    ...[...waits].flatMap(([cause, wait]): [string, number][] => {
      const word = wordFor[cause];
      return word === undefined ? [] : [[word, wait - (blamed.get(cause) ?? 0)]];
    }),
  ]);
}

/** Words for causes that need no culprit. */
const wordFor: Readonly<Partial<Record<Cause, string>>> = {
  self: 'itself',
  kernel: 'kernel threads',
  irq: 'interrupts',
  steal: 'the hypervisor',
  throttled: 'own CPU limit',
  throttled_ancestor: 'CPU limit above it',
  idle: 'none (CPU idle)',
  unknown: 'unknown',
};

/** Words for culprits whose names are hidden from a sidecar. */
const unnamed: Readonly<Partial<Record<Cause, string>>> = {
  neighbor: 'neighbors',
  system: 'system services',
};

function culpritOf(of: Attributes): string {
  const cause = causeOf(of);
  if (cause === 'self' || cause === 'throttled') return wordFor[cause] ?? cause;
  const name = culpritName(of) ?? wordFor[cause] ?? unnamed[cause] ?? 'unknown';
  return cause === 'throttled_ancestor' ? `CPU limit of ${name}` : name;
}

function causeOf(of: Attributes): Cause {
  return causes.find((cause) => cause === of[waitAttributes.cause.key]) ?? 'unknown';
}

function sumBy<Key>(parts: Iterable<readonly [Key, number]>): Map<Key, number> {
  const sums = new Map<Key, number>();
  for (const [key, value] of parts) sums.set(key, (sums.get(key) ?? 0) + value);
  return sums;
}

const toSeconds = ([seconds, nanos]: HrTime) => seconds + nanos / 1e9;
