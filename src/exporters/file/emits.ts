import { counter, type Emits } from '../../telemetry/emits.ts';

export const fileCounters = {
  torn: counter({
    name: 'earshot.agent.file.torn',
    unit: '{record}',
    meaning:
      'Last records of a file that an agent before had not written whole, taken off when the file was opened again.',
    isLoss: true,
  }),
  undeleted: counter({
    name: 'earshot.agent.file.undeleted',
    unit: '{file}',
    meaning: 'Rotated files that should have been deleted and could not be.',
    isLoss: false,
  }),
} as const;

export const fileEmits: Emits = { counters: Object.values(fileCounters) };
