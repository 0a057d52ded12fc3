import { resourceAttributes } from '../../../../src/telemetry/attributes/resource.ts';
import { gauge, resource, resourceMetrics, sum } from '../../../../src/telemetry/metrics/build.ts';
import { cgroupMetrics } from '../../../../src/telemetry/metrics/cgroup.ts';
import type { MetricsBatch } from '../../../../src/telemetry/metrics/metrics.ts';
import { idOf, intervalOf } from './windows.ts';

/** A reading of the cgroup receiver: a limit, CPUs, of periods of 100 ms, of which so many ran out. */
export const quota = (of: string, limit: number, throttledPeriods: number): MetricsBatch => ({
  signal: 'metrics',
  resourceMetrics: [
    resourceMetrics(resource({ [resourceAttributes.cgroupId.key]: idOf(of) }), [
      gauge(cgroupMetrics.cpuLimit, intervalOf(0), [{ value: limit }]),
      gauge(cgroupMetrics.cpuPeriod, intervalOf(0), [{ value: 0.1 }]),
      sum(cgroupMetrics.throttledPeriods, intervalOf(0), [{ value: throttledPeriods }]),
    ]),
  ],
});
