import type { Attributes } from '@opentelemetry/api';
import { culpritAttributes } from './culprit.ts';
import { resourceAttributes } from './resource.ts';
import { workloadAttributes } from './workload.ts';

/** Readable names before ids. */
const workloadNames = [
  workloadAttributes.name.key,
  workloadAttributes.unit.key,
  resourceAttributes.cgroupPath.key,
  workloadAttributes.containerId.key,
  resourceAttributes.cgroupId.key,
];
const culpritNames = [
  culpritAttributes.name.key,
  culpritAttributes.unit.key,
  culpritAttributes.cgroupPath.key,
  culpritAttributes.containerId.key,
  culpritAttributes.cgroupId.key,
];

/** Of the workload that a resource is; undefined: the resource is none. */
export const workloadName = (of: Attributes) => nameOf(of, workloadNames);

/** Of the culprit of a point or an event; undefined: it names none. */
export const culpritName = (of: Attributes) => nameOf(of, culpritNames);

/** The value of the first key that has one. */
export function nameOf(of: Attributes, keys: readonly string[]): string | undefined {
  for (const key of keys) {
    const value = of[key];
    if (value !== undefined && value !== '') return String(value);
  }
  return undefined;
}
