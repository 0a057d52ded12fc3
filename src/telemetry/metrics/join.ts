import {
  DataPointType,
  type MetricData,
  type ResourceMetrics,
  type ScopeMetrics,
} from '@opentelemetry/sdk-metrics';
import { groupKey, scopeGroupKey } from '../shared-resources.ts';
import { receivedOf } from '../wire/received.ts';

interface JoinedScope {
  readonly group: ScopeMetrics;
  readonly metrics: Map<unknown, MetricData[]>;
}

interface Joined {
  readonly group: ResourceMetrics;
  readonly scopes: Map<unknown, JoinedScope>;
}

/** All points, in their order for each metric: equal resources and scopes come once, and equal metrics that the agent made. */
export function joinMetrics(lists: readonly (readonly ResourceMetrics[])[]): readonly ResourceMetrics[] {
  const joined = new Map<unknown, Joined>();
  for (const group of lists.flat()) {
    const { scopes } = getOrAdd(joined, groupKey(group), () => ({ group, scopes: new Map() }));
    for (const scoped of group.scopeMetrics) {
      const same = getOrAdd(scopes, scopeGroupKey(scoped), () => ({ group: scoped, metrics: new Map() }));
      for (const metric of scoped.metrics)
        getOrAdd<MetricData[]>(same.metrics, metricKey(metric), () => []).push(metric);
    }
  }
  return Array.from(joined.values(), ({ group, scopes }) => ({
    ...group,
    scopeMetrics: Array.from(scopes.values(), ({ group: scoped, metrics }) => ({
      ...scoped,
      metrics: Array.from(metrics.values(), withAllPoints),
    })),
  }));
}

/** Of equal metrics. */
function withAllPoints(metrics: readonly MetricData[]): MetricData {
  const [first] = metrics as readonly [MetricData]; // the groups have one at least
  if (metrics.length === 1) return first;
  return { ...first, dataPoints: metrics.flatMap<unknown>(({ dataPoints }) => dataPoints) } as MetricData; // of one kind
}

const descriptorKeys = new WeakMap<MetricData['descriptor'], string>();

/** One that was received has more than its descriptor, and is equal to itself alone. */
function metricKey(metric: MetricData): unknown {
  if (receivedOf(metric) !== undefined) return metric;
  const isMonotonic = metric.dataPointType === DataPointType.SUM && metric.isMonotonic;
  const kind = `${metric.dataPointType} ${metric.aggregationTemporality} ${isMonotonic}`;
  const known = descriptorKeys.get(metric.descriptor);
  if (known !== undefined) return `${kind}\n${known}`;
  const { name, unit, valueType, description } = metric.descriptor;
  const key = `${valueType}\n${name}\n${unit}\n${description}`;
  descriptorKeys.set(metric.descriptor, key);
  return `${kind}\n${key}`;
}

function getOrAdd<T>(map: Map<unknown, T>, key: unknown, make: () => T): T {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
