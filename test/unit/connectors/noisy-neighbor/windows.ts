import type { Attributes } from '@opentelemetry/api';
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics';
import { culpritAttributes } from '../../../../src/telemetry/attributes/culprit.ts';
import { resourceAttributes } from '../../../../src/telemetry/attributes/resource.ts';
import { type Cause, waitAttributes } from '../../../../src/telemetry/attributes/wait.ts';
import { workloadAttributes } from '../../../../src/telemetry/attributes/workload.ts';
import {
  exponentialHistogram,
  type Interval,
  type Point,
  resource,
  resourceMetrics,
  sum,
} from '../../../../src/telemetry/metrics/build.ts';
import { histogramOf } from '../../../../src/telemetry/metrics/histogram.ts';
import type { MetricsBatch } from '../../../../src/telemetry/metrics/metrics.ts';
import { waitMetrics } from '../../../../src/telemetry/metrics/wait.ts';
import type { UnixNanoseconds } from '../../../../src/telemetry/units.ts';

/** What a workload did in a window; times are seconds. */
export interface Doing {
  readonly run: number;
  readonly waits?: Partial<Record<Cause, number>>;
  readonly blame?: readonly Blamed[];
  /** By cause. */
  readonly entitled?: Partial<Record<Cause, number>>;
  /** A second, of the whole window. */
  readonly preemptions?: Partial<Record<Cause, number>>;
  /** All waits are about that long. */
  readonly length?: number;
  readonly count?: number;
  readonly attributes?: Attributes;
}

export interface Blamed {
  readonly cause: Cause;
  /** Undefined: the sum of the culprits beyond the named ones. */
  readonly culprit: string | undefined;
  readonly time: number;
  readonly excess?: number;
  readonly attributes?: Attributes;
}

export const windowSeconds = 5;

/** The n-th window of five seconds. */
export const intervalOf = (n: number): Interval => {
  const start = 1_700_000_000_000_000_000n + BigInt(n) * 5_000_000_000n;
  return { start: start as UnixNanoseconds, end: (start + 5_000_000_000n) as UnixNanoseconds };
};

/** A reading of the scheduler after `workload` and `contention`, of the n-th window. */
export function windowBatch(n: number, workloads: Readonly<Record<string, Doing>>): MetricsBatch {
  return {
    signal: 'metrics',
    resourceMetrics: Object.entries(workloads).map(([name, doing]) => workload(intervalOf(n), name, doing)),
  };
}

const byCause = (of: Partial<Record<Cause, number>> = {}): Point[] =>
  Object.entries(of).map(([cause, value]) => ({ value, attributes: { [waitAttributes.cause.key]: cause } }));

function workload(interval: Interval, name: string, doing: Doing): ResourceMetrics {
  const { run, waits, blame = [], entitled, preemptions = {}, length = 0.005, count = 200 } = doing;
  const blamed = (of: keyof Pick<Blamed, 'time' | 'excess'>) =>
    blame
      .filter(({ [of]: time }) => time)
      .map((part) => ({ value: part[of] ?? 0, attributes: culpritOf(part) }));
  const bucket = Math.ceil(Math.log2(length) * 4) - 1;
  return resourceMetrics(
    resource({
      [resourceAttributes.cgroupId.key]: idOf(name),
      [resourceAttributes.serviceInstanceId.key]: name,
      [workloadAttributes.name.key]: name,
      ...doing.attributes,
    }),
    [
      exponentialHistogram(waitMetrics.waitDuration, interval, [
        {
          value: histogramOf({
            scale: 2,
            buckets: new Map([[bucket, count]]),
            zeroCount: 0,
            sum: length * count,
          }),
        },
      ]),
      sum(waitMetrics.waitTime, interval, byCause(waits)),
      sum(waitMetrics.blameTime, interval, blamed('time')),
      sum(waitMetrics.excessTime, interval, blamed('excess')),
      sum(waitMetrics.entitledTime, interval, byCause(entitled)),
      sum(
        waitMetrics.preemptions,
        interval,
        byCause(preemptions).map(({ value, ...of }) => ({ ...of, value: value * windowSeconds })),
      ),
      sum(waitMetrics.runTime, interval, [{ value: run }]),
    ],
  );
}

export const idOf = (name: string) => `id of ${name}`;

function culpritOf({ cause, culprit, attributes }: Blamed): Attributes {
  const id = culprit === undefined ? 'other' : idOf(culprit);
  return {
    [waitAttributes.cause.key]: cause,
    [culpritAttributes.cgroupId.key]: id,
    ...(culprit !== undefined && {
      [culpritAttributes.name.key]: culprit,
      [culpritAttributes.kind.key]: 'container',
    }),
    ...attributes,
  };
}

/** A workload that a neighbor beyond its share makes wait for half of its runnable time. */
export const hurtBy = (culprit: string, more: Partial<Doing> = {}): Doing => ({
  ...{ run: 1, waits: { neighbor: 1 }, preemptions: { neighbor: 20 } },
  blame: [{ cause: 'neighbor', culprit, time: 1, excess: 1 }],
  ...more,
});
