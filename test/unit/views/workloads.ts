import type { Attributes } from '@opentelemetry/api';
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics';
import { culpritAttributes, otherCulprit } from '../../../src/telemetry/attributes/culprit.ts';
import { type Cause, waitAttributes } from '../../../src/telemetry/attributes/wait.ts';
import { workloadAttributes } from '../../../src/telemetry/attributes/workload.ts';
import {
  exponentialHistogram,
  resource,
  resourceMetrics,
  sum,
} from '../../../src/telemetry/metrics/build.ts';
import { histogramOf } from '../../../src/telemetry/metrics/histogram.ts';
import { waitMetrics } from '../../../src/telemetry/metrics/wait.ts';
import type { UnixNanoseconds } from '../../../src/telemetry/units.ts';
import { type Screen, screenOf } from '../../../src/views/contention.ts';

export const interval = {
  start: 1_700_000_000_000_000_000n as UnixNanoseconds,
  end: 1_700_000_010_000_000_000n as UnixNanoseconds,
};

export interface Waiting {
  readonly of: Attributes;
  readonly run: number;
  readonly waits: Partial<Record<Cause, number>>;
  readonly blame?: readonly (readonly [cause: Cause, culprit: Attributes, seconds: number])[];
  readonly buckets?: ReadonlyMap<number, number>;
}

/** The metrics of one workload. */
export function workload({
  of,
  run,
  waits,
  blame = [],
  buckets = new Map([[-40, 100]]),
}: Waiting): ResourceMetrics {
  return resourceMetrics(resource(of), [
    exponentialHistogram(waitMetrics.waitDuration, interval, [
      { value: histogramOf({ scale: 2, buckets, zeroCount: 0, sum: 1, max: 60 }) },
    ]),
    sum(
      waitMetrics.waitTime,
      interval,
      Object.entries(waits).map(([cause, value]) => ({
        value,
        attributes: { [waitAttributes.cause.key]: cause },
      })),
    ),
    sum(
      waitMetrics.blameTime,
      interval,
      blame.map(([cause, culprit, value]) => ({
        value,
        attributes: { [waitAttributes.cause.key]: cause, ...culprit },
      })),
    ),
    sum(waitMetrics.runTime, interval, [{ value: run }]),
  ]);
}

export const named = (name: string) => ({ [workloadAttributes.name.key]: name });
export const culprit = (name: string) => ({
  [culpritAttributes.cgroupId.key]: '7',
  [culpritAttributes.name.key]: name,
});
export const others = { [culpritAttributes.cgroupId.key]: otherCulprit };

// The batches of these tests all hold what a screen needs.
export const screen = (batch: readonly ResourceMetrics[]) => screenOf(batch) as Screen;
