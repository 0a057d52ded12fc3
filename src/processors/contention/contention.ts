import { cgroups as cgroupsRef } from '../../cgroup/cgroups.ts';
import { recordedWeights } from '../../cgroup/recorded-weights.ts';
import { cgroupWeights } from '../../cgroup/weights.ts';
import type { Host, Processor, ProcessorComponent } from '../../component.ts';
import { Type } from '../../config/schema/type.ts';
import { waitAttributes } from '../../telemetry/attributes/wait.ts';
import { type Batch, bySignal, mapBatch } from '../../telemetry/batch.ts';
import { nanoseconds, toSeconds } from '../../telemetry/units.ts';
import type { Visit } from '../../telemetry/visit.ts';
import { causeOf, mainCause, withCause } from './cause.ts';
import { divideWaits } from './divide-waits.ts';
import { blameUnjudged, contentionEmits } from './emits.ts';
import { divideBlame, type EntitlementOptions } from './entitlement.ts';

/** Names the cause of each part of a wait from the relation of victim and culprit. Goes after `workload`. */
export const contention: ProcessorComponent = {
  kind: 'processor',
  type: 'contention',
  summary:
    'Names the cause of every part of a wait (self, sibling, neighbor, system, kernel, throttled and so on), and what culprits took beyond their share.',
  stability: { metrics: 'beta', logs: 'beta', traces: 'alpha', profiles: 'development' },
  config: Type.Object({}, { additionalProperties: false }),
  uses: [cgroupsRef],
  emits: contentionEmits,
  open: async (_, host) => createProcessor(await entitlementOptions(host)),
};

async function entitlementOptions(host: Host): Promise<EntitlementOptions> {
  return {
    ...{ weights: await host.use(cgroupWeights), recorded: await host.use(recordedWeights) },
    leave: (reason, blame) =>
      host.counters.add(blameUnjudged, toSeconds(nanoseconds(blame)), { component: host.id, reason }),
  };
}

function createProcessor(options: EntitlementOptions): Processor {
  return {
    process(batch) {
      const named = mapBatch(bySignal<Batch>(batch, { metrics: divideWaits }) ?? batch, causes);
      return bySignal<Batch>(named, { metrics: (reading) => divideBlame(reading, options) }) ?? named;
    },
    close: async () => {},
  };
}

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
