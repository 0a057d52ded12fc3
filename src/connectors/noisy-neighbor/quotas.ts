import { type DataPoint, DataPointType, type ResourceMetrics } from '@opentelemetry/sdk-metrics';
import { resourceAttributes } from '../../telemetry/attributes/resource.ts';
import { cgroupMetrics } from '../../telemetry/metrics/cgroup.ts';
import type { MetricsBatch } from '../../telemetry/metrics/metrics.ts';

/** The kernel's own figures of a quota in the newest interval. */
export interface Quota {
  /** CPUs. */
  readonly limit: number;
  /** Seconds. */
  readonly period: number;
  /** Periods a second in which it ran out. */
  readonly throttledRate: number;
}

/** Quotas as the `cgroup` receiver reads them, by cgroup id. */
export class Quotas {
  #byCgroup: ReadonlyMap<string, Quota> = new Map();

  /** Of all cgroups; a batch of other metrics changes nothing. */
  take({ resourceMetrics }: MetricsBatch): void {
    const read = resourceMetrics.flatMap((of) => {
      const quota = quotaOf(of);
      return quota ? [[String(of.resource.attributes[resourceAttributes.cgroupId.key]), quota] as const] : [];
    });
    if (resourceMetrics.some(isOfCgroups)) this.#byCgroup = new Map(read);
  }

  get(cgroup: string): Quota | undefined {
    return this.#byCgroup.get(cgroup);
  }
}

const names = new Set<string>(Object.values(cgroupMetrics).map(({ name }) => name));
const isOfCgroups = ({ scopeMetrics }: ResourceMetrics) =>
  scopeMetrics.some(({ metrics }) => metrics.some(({ descriptor }) => names.has(descriptor.name)));

function quotaOf(of: ResourceMetrics): Quota | undefined {
  const limit = pointOf(of, cgroupMetrics.cpuLimit);
  const period = pointOf(of, cgroupMetrics.cpuPeriod);
  const throttled = pointOf(of, cgroupMetrics.throttledPeriods);
  if (!limit || !period || !throttled) return undefined;
  const seconds =
    throttled.endTime[0] - throttled.startTime[0] + (throttled.endTime[1] - throttled.startTime[1]) / 1e9;
  if (seconds <= 0) return undefined;
  return { limit: limit.value, period: period.value, throttledRate: throttled.value / seconds };
}

function pointOf({ scopeMetrics }: ResourceMetrics, { name }: { readonly name: string }) {
  for (const { metrics } of scopeMetrics)
    for (const metric of metrics)
      if (metric.descriptor.name === name && metric.dataPointType !== DataPointType.HISTOGRAM)
        return metric.dataPoints[0] as DataPoint<number> | undefined; // a sum or a gauge, by its name
  return undefined;
}
