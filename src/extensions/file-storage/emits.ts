import { counter, type Emits } from '../../telemetry/emits.ts';

export const storageCounters = {
  discarded: counter({
    name: 'earshot.agent.storage.discarded',
    unit: '{file}',
    meaning:
      'Files that could not be read and were moved aside, by component and reason: `corrupt`, `other_format` (another version of the agent wrote it). The component goes on with nothing in its store.',
    isLoss: true,
  }),
  failed: counter({
    name: 'earshot.agent.storage.failed',
    unit: '{operation}',
    meaning:
      'Reads and writes of a store that failed, by component and reason: `full`, `read_only`, `corrupt`, `locked`, `other_format`, `unsynced` (the disk does not take what was written), `unresponsive` (the disk does not answer), `failed`. What a component loses by it, it counts itself.',
    isLoss: false,
  }),
} as const;

export const fileStorageEmits: Emits = { counters: Object.values(storageCounters) };
