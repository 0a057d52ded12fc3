import { identityCounters } from '../../identity/emits.ts';
import { culpritAttributes, lastRunnerAttributes } from '../../telemetry/attributes/culprit.ts';
import { resourceAttributes } from '../../telemetry/attributes/resource.ts';
import { workloadAttributes } from '../../telemetry/attributes/workload.ts';
import { counter, type Emits } from '../../telemetry/emits.ts';

export const workloadCounters = {
  identified: counter({
    name: 'earshot.agent.items.identified',
    unit: '{item}',
    meaning:
      'Items by the role of the workload (`role`: `victim`, `culprit`, `last`) and the state of its name (`outcome`): `named`; `path_only`, the cgroup path gives its kind, and no source its name; `unknown`.',
    isLoss: false,
  }),
  held: counter({
    name: 'earshot.agent.items.held',
    unit: '{item}',
    meaning: 'Items held because a name was pending.',
    isLoss: false,
  }),
  released: counter({
    name: 'earshot.agent.items.released',
    unit: '{item}',
    meaning:
      'Held items that were released, by reason: `named`; `expired`, the name did not arrive in time; `limit`, too many were held; `shutdown`.',
    isLoss: false,
  }),
  excluded: counter({
    name: 'earshot.agent.items.excluded',
    unit: '{item}',
    meaning:
      'Items of workloads that are not to be reported, by reason: `include`, `exclude`, `ignore` (annotation), `scope`.',
    isLoss: false,
  }),
} as const;

export const workloadEmits: Emits = {
  attributes: [
    resourceAttributes,
    workloadAttributes,
    culpritAttributes,
    { name: lastRunnerAttributes.name },
  ].flatMap((table) => Object.values(table)),
  counters: [...Object.values(workloadCounters), ...Object.values(identityCounters)],
};
