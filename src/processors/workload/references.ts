import type { Attributes, HrTime } from '@opentelemetry/api';
import { culpritAttributes, lastRunnerAttributes } from '../../telemetry/attributes/culprit.ts';
import { resourceAttributes } from '../../telemetry/attributes/resource.ts';
import type { Batch } from '../../telemetry/batch.ts';
import { unixTime } from '../../telemetry/metrics/build.ts';
import type { CgroupId, UnixNanoseconds } from '../../telemetry/units.ts';
import { parseCgroupId } from './resolve.ts';

/** A cgroup id in a batch, and its time. */
export interface Reference {
  readonly id: CgroupId;
  readonly at: UnixNanoseconds;
}

/** Each id once. Ids of a recording are another machine's, and left out. */
export function referencesIn(batch: Batch): readonly Reference[] {
  const found = new Map<string, Reference>();
  const add = (id: unknown, at: UnixNanoseconds) => {
    if (typeof id !== 'string' || found.has(id)) return;
    const parsed = parseCgroupId(id);
    if (parsed !== undefined) found.set(id, { id: parsed, at });
  };
  const addItem = (attributes: Attributes, at: UnixNanoseconds) => {
    add(attributes[culpritAttributes.cgroupId.key], at);
    add(attributes[lastRunnerAttributes.cgroupId.key], at);
  };
  if (batch.signal === 'logs') {
    const clock = createClock();
    for (const { resource, attributes, hrTime } of batch.records) {
      if (resource.attributes[resourceAttributes.recording.key] !== undefined) continue;
      const at = clock(hrTime);
      add(resource.attributes[resourceAttributes.cgroupId.key], at);
      addItem(attributes, at);
    }
    return [...found.values()];
  }
  const clock = createClock();
  for (const { resource, scopeMetrics } of batch.resourceMetrics) {
    if (resource.attributes[resourceAttributes.recording.key] !== undefined) continue;
    for (const { metrics } of scopeMetrics)
      for (const { dataPoints } of metrics)
        for (const { attributes, endTime } of dataPoints) {
          const at = clock(endTime);
          add(resource.attributes[resourceAttributes.cgroupId.key], at);
          addItem(attributes, at);
        }
  }
  return [...found.values()];
}

/** Points of one reading share their time: it is converted once. */
export function createClock(): (time: HrTime) => UnixNanoseconds {
  let last: HrTime = [0, 0];
  let converted = unixTime(last);
  return (time) => {
    if (time !== last && (time[0] !== last[0] || time[1] !== last[1])) converted = unixTime(time);
    last = time;
    return converted;
  };
}
