import type { Resource } from '@opentelemetry/resources';
import { resourceAttributes } from '../../telemetry/attributes/resource.ts';
import { seriesKey } from '../../telemetry/series-key.ts';

const keys = new WeakMap<Resource, string>();

/** Identifies the workload of a resource. */
export function workloadKey(resource: Resource): string {
  const known = keys.get(resource);
  if (known !== undefined) return known;
  const instance = resource.attributes[resourceAttributes.serviceInstanceId.key];
  const key = typeof instance === 'string' ? instance : seriesKey(resource.attributes);
  keys.set(resource, key);
  return key;
}
