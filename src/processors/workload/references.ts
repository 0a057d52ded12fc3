import { culpritAttributes, lastRunnerAttributes } from '../../telemetry/attributes/culprit.ts';
import { resourceAttributes } from '../../telemetry/attributes/resource.ts';
import { type Batch, mapBatch } from '../../telemetry/batch.ts';
import type { CgroupId, UnixNanoseconds } from '../../telemetry/units.ts';
import { parseCgroupId } from './resolve.ts';

/** A cgroup id in a batch, and its time. */
export interface Reference {
  readonly id: CgroupId;
  readonly at: UnixNanoseconds;
}

/** Each id once. */
export function referencesIn(batch: Batch): readonly Reference[] {
  const found = new Map<string, Reference | undefined>();
  const add = (text: unknown, at: UnixNanoseconds) => {
    if (typeof text !== 'string' || found.has(text)) return;
    const id = parseCgroupId(text);
    found.set(text, id === undefined ? undefined : { id, at });
  };
  mapBatch(batch, {
    resource(resource, { at, items }) {
      if (items > 0) add(resource.attributes[resourceAttributes.cgroupId.key], at);
      return resource;
    },
    item(attributes, { at }) {
      add(attributes[culpritAttributes.cgroupId.key], at);
      add(attributes[lastRunnerAttributes.cgroupId.key], at);
      return attributes;
    },
  });
  return [...found.values()].filter((reference) => reference !== undefined);
}
