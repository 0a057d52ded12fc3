import { recordInterval } from '../../../../scripts/record-interval.ts';
import type { Recording } from '../../../../src/receivers/replay/recording.ts';
import { waitEvent } from '../../../../src/receivers/scheduler/emits.ts';
import { culpritAttributes, lastRunnerAttributes } from '../../../../src/telemetry/attributes/culprit.ts';
import { resourceAttributes } from '../../../../src/telemetry/attributes/resource.ts';
import type { Batch } from '../../../../src/telemetry/batch.ts';
import { event } from '../../../../src/telemetry/logs.ts';
import {
  exponentialHistogram,
  resource,
  resourceMetrics,
  sum,
} from '../../../../src/telemetry/metrics/build.ts';
import { waitMetrics } from '../../../../src/telemetry/metrics/wait.ts';
import type { UnixNanoseconds } from '../../../../src/telemetry/units.ts';

/** A recording of one cgroup on another machine, made as `scripts/record.ts` does. */

const start = 1_000_000_000n as UnixNanoseconds;
const end = 4_000_000_000n as UnixNanoseconds;

const paths: Readonly<Record<string, string>> = { 7: '/default/web', 8: '/default/batch' };

const of = (id: string) =>
  resource({
    [resourceAttributes.hostName.key]: 'elsewhere',
    [resourceAttributes.cgroupId.key]: id,
    [resourceAttributes.serviceInstanceId.key]: `elsewhere:${id}`,
  });

const duration = {
  count: 2,
  sum: 0.5,
  scale: 2,
  zeroCount: 0,
  positive: { offset: -3, bucketCounts: [2] },
  negative: { offset: 0, bucketCounts: [] },
};

export function batches(blamed: number): readonly Batch[] {
  return [
    {
      signal: 'metrics',
      resourceMetrics: [
        resourceMetrics(of('7'), [
          exponentialHistogram(waitMetrics.waitDuration, { start, end }, [{ value: duration }]),
          sum(waitMetrics.blameTime, { start, end }, [
            { value: blamed, attributes: { [culpritAttributes.cgroupId.key]: '8' } },
            { value: 0.25, attributes: { [culpritAttributes.cgroupId.key]: 'kernel' } },
            { value: 0.125, attributes: { [culpritAttributes.cgroupId.key]: '9' } },
          ]),
        ]),
        resourceMetrics(of('kernel'), []),
      ],
    },
    {
      signal: 'logs',
      records: [
        event(waitEvent, {
          resource: of('7'),
          at: (end - 250_000_000n) as UnixNanoseconds,
          observed: end,
          attributes: { [lastRunnerAttributes.cgroupId.key]: '8', [lastRunnerAttributes.processId.key]: 12 },
        }),
      ],
    },
  ];
}

export const recording: Recording = {
  title: 'two nodes, one evening',
  weights: { '/default': 'none', '/default/web': 100, '/default/batch': 50 },
  intervals: [1, 2].map((blamed) =>
    recordInterval(batches(blamed), { start, end, pathOf: (id) => paths[id] }),
  ),
};
