import type { ProcessorComponent } from '../../component.ts';
import { Type } from '../../config/schema/type.ts';
import { waitAttributes } from '../../telemetry/attributes/wait.ts';
import { type Batch, bySignal, mapBatch } from '../../telemetry/batch.ts';
import type { Visit } from '../../telemetry/visit.ts';
import { causeOf, mainCause, withCause } from './cause.ts';
import { divideWaits } from './divide-waits.ts';

/** Names the cause of each part of a wait from the relation of victim and culprit. Goes after `workload`. */
export const contention: ProcessorComponent = {
  kind: 'processor',
  type: 'contention',
  summary:
    'Names the cause of every part of a wait: self, sibling, neighbor, system, kernel, throttled and so on.',
  stability: { metrics: 'beta', logs: 'beta', traces: 'alpha', profiles: 'development' },
  config: Type.Object({}, { additionalProperties: false }),
  emits: { attributes: [waitAttributes.cause, waitAttributes.quotaLevel] },
  async open() {
    return { process: nameCauses, close: async () => {} };
  },
};

const nameCauses = (batch: Batch): Batch =>
  mapBatch(bySignal<Batch>(batch, { metrics: divideWaits }) ?? batch, causes);

/** A class becomes a cause; an item with the parts of a whole wait gets the cause of the longest; a cause stays. */
const causes: Visit = {
  resource: (of) => of,
  item(attributes, { resource: { attributes: victim } }) {
    if (attributes[waitAttributes.cause.key] !== undefined) return attributes;
    const { [waitAttributes.class.key]: waitClass } = attributes;
    if (waitClass === undefined) {
      const cause = mainCause(victim, attributes);
      return cause === undefined ? attributes : withCause(attributes, cause);
    }
    const { [waitAttributes.class.key]: _, ...others } = attributes;
    return withCause(others, causeOf(waitClass, victim, others));
  },
  // two classes of one culprit may have one cause
  mergesEqual: true,
};
