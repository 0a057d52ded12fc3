import { counter, type Emits } from '../../telemetry/emits.ts';

export const jsonFileCounters = {
  skipped: counter({
    name: 'earshot.agent.lines.skipped',
    unit: '{line}',
    meaning:
      'Lines of files that are no OTLP, by reason: `malformed`, `no_signal` (not metrics, logs or traces), `too_long`, `torn` (the file ended within it, and is gone).',
    isLoss: true,
  }),
  lost: counter({
    name: 'earshot.agent.files.restarted',
    unit: '{file}',
    meaning:
      'Files that became shorter than what was read of them, or have other content at their beginning, and are read from there again: what was added before may be lost.',
    isLoss: false,
  }),
} as const;

export const jsonFileEmits: Emits = { counters: Object.values(jsonFileCounters) };
