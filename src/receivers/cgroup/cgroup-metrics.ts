import type { Resource } from '@opentelemetry/resources';
import type { MetricData, ResourceMetrics } from '@opentelemetry/sdk-metrics';
import { cpuCount, cpuLimit } from '../../cgroup/files/entitlement.ts';
import { pressureResources } from '../../cgroup/files/files.ts';
import { waitAttributes } from '../../telemetry/attributes/wait.ts';
import { gauge, type Interval, type Point, resourceMetrics, sum } from '../../telemetry/metrics/build.ts';
import { cgroupMetrics, pressureAttributes } from '../../telemetry/metrics/cgroup.ts';
import { nanoseconds, toSeconds } from '../../telemetry/units.ts';
import { type CgroupReading, pressureTotal } from './cgroup-reader.ts';

/** A reading as the metrics of one resource. */
export function metricsOf(reading: CgroupReading, resource: Resource): ResourceMetrics {
  const { interval } = reading;
  const { cpuTime, throttledLocalTime, pressureTime } = cgroupMetrics;
  const all: readonly MetricData[] = [
    ...throttling(reading, interval),
    sum(throttledLocalTime, interval, grown(reading, 'throttledLocal')),
    sum(pressureTime, interval, pressurePoints(reading)),
    sum(cpuTime, interval, grown(reading, 'usage')),
    ...limits(reading, interval),
  ];
  return resourceMetrics(
    resource,
    all.filter(({ dataPoints }) => dataPoints.length > 0),
  );
}

/** Where there is a quota all three, zeros too: what was not throttled is worth knowing, and shares need their whole. */
function throttling(reading: CgroupReading, interval: Interval): MetricData[] {
  const [throttled, throttledPeriods, periods] = (['throttled', 'throttledPeriods', 'periods'] as const).map(
    (name) => reading.growth(name),
  );
  if (reading.level === undefined) return [];
  const attributes = { [waitAttributes.quotaLevel.key]: reading.level };
  const points = (value: number | undefined): Point[] => (value === undefined ? [] : [{ value, attributes }]);
  return [
    sum(cgroupMetrics.throttledTime, interval, points(throttled && toSeconds(nanoseconds(throttled)))),
    sum(cgroupMetrics.throttledPeriods, interval, points(throttledPeriods)),
    sum(cgroupMetrics.periods, interval, points(periods)),
  ];
}

function grown(reading: CgroupReading, total: string): Point[] {
  const growth = reading.growth(total);
  return growth ? [{ value: toSeconds(nanoseconds(growth)) }] : [];
}

function pressurePoints(reading: CgroupReading): Point[] {
  return pressureResources.flatMap((resource) =>
    (['some', 'full'] as const).flatMap((kind) =>
      grown(reading, pressureTotal(resource, kind)).map(({ value }) => ({
        value,
        attributes: { [pressureAttributes.resource.key]: resource, [pressureAttributes.kind.key]: kind },
      })),
    ),
  );
}

function limits({ entitlement }: CgroupReading, interval: Interval): MetricData[] {
  const { quota, weight } = entitlement;
  const point = (value: number | undefined): Point[] => (value === undefined ? [] : [{ value }]);
  return [
    gauge(cgroupMetrics.cpuLimit, interval, point(cpuLimit(entitlement))),
    gauge(cgroupMetrics.cpuPeriod, interval, point(quota && toSeconds(quota.period))),
    gauge(cgroupMetrics.cpuBurst, interval, point(quota?.burst ? toSeconds(quota.burst) : undefined)),
    gauge(cgroupMetrics.cpuWeight, interval, point(weight)),
    gauge(cgroupMetrics.cpuCount, interval, point(cpuCount(entitlement))),
  ];
}
