import { culpritAttributes, lastRunnerAttributes } from '../../telemetry/attributes/culprit.ts';
import { resourceAttributes } from '../../telemetry/attributes/resource.ts';
import type { Batch } from '../../telemetry/batch.ts';
import { walkBatch } from '../../telemetry/signals.ts';
import type { CgroupId, UnixNanoseconds } from '../../telemetry/units.ts';
import { parseCgroupId } from './resolve.ts';

/** A cgroup id in a batch, and its time. */
export interface Reference {
  readonly id: CgroupId;
  readonly at: UnixNanoseconds;
}

/** Each id once. Ids of a recording are another machine's, and left out. */
export function referencesIn(batch: Batch): readonly Reference[] {
  const found = new Map<string, Reference | undefined>();
  const add = (text: unknown, at: UnixNanoseconds) => {
    if (typeof text !== 'string' || found.has(text)) return;
    const id = parseCgroupId(text);
    found.set(text, id === undefined ? undefined : { id, at });
  };
  const isRecorded = ({ attributes }: { readonly attributes: object }) =>
    resourceAttributes.recording.key in attributes;
  walkBatch(batch, {
    resource(resource, { at, items }) {
      if (items > 0 && !isRecorded(resource)) add(resource.attributes[resourceAttributes.cgroupId.key], at);
      return resource;
    },
    item(attributes, { at, resource }) {
      if (isRecorded(resource)) return attributes;
      add(attributes[culpritAttributes.cgroupId.key], at);
      add(attributes[lastRunnerAttributes.cgroupId.key], at);
      return attributes;
    },
  });
  return [...found.values()].filter((reference) => reference !== undefined);
}
