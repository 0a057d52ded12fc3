import { counter, type Emits, level, listed } from '../../telemetry/emits.ts';

const tailReasons = {
  min_wait: '`tail`: at least `min_wait` long',
  cause: '`tail`: one of `causes`',
  finding: '`tail`: its workload is under a finding',
} as const;
export type TailReason = keyof typeof tailReasons;

const keptReasons = {
  ...tailReasons,
  probabilistic: 'drawn',
  rate_limit: 'within the rate',
  longest: '`reservoir`: one of the longest',
  others: '`reservoir`: stands for the others of its band',
  evicted: 'held, and sent early: its workload made room for others beyond `max_workloads` or `max_held`',
  shutdown: 'held until the end',
  no_wait: 'has no duration of a wait; never dropped',
} as const;
export type KeptReason = keyof typeof keptReasons;

const dropReasons = {
  probabilistic: 'not drawn: those that are carry its weight on average',
  rate_limit: 'over the rate: one that is kept carries its weight',
  reservoir: 'one of the same band carries its weight',
} as const;
export type DropReason = keyof typeof dropReasons;

export const samplingCounters = {
  kept: counter({
    name: 'earshot.agent.sampling.kept',
    unit: '{item}',
    meaning: `Items that went on, by the reason: ${listed(keptReasons)}.`,
    isLoss: false,
  }),
  dropped: counter({
    name: 'earshot.agent.sampling.dropped',
    unit: '{item}',
    meaning: `Items that did not go on, by the reason: ${listed(dropReasons)}.`,
    isLoss: false,
  }),
  carried: counter({
    name: 'earshot.agent.sampling.weight.carried',
    unit: '{wait}',
    meaning: 'Weight that kept items carry beyond their own, by the reason for which they were kept.',
    isLoss: false,
  }),
  lost: counter({
    name: 'earshot.agent.sampling.weight.lost',
    unit: '{wait}',
    meaning:
      'Weight of items that were still held when the processor was closed, because it was not flushed in time.',
    isLoss: true,
  }),
  findings: level({
    name: 'earshot.agent.sampling.findings',
    unit: '{finding}',
    meaning:
      'Findings that have not ended, as far as their events passed a processor `sampling` with `under_finding`.',
  }),
  findingsForgotten: counter({
    name: 'earshot.agent.sampling.findings.forgotten',
    unit: '{finding}',
    meaning:
      'Findings that made room for others before their end: the waits of their workloads are sampled as others are.',
    isLoss: false,
  }),
} as const;

export const samplingEmits: Emits = { counters: Object.values(samplingCounters) };
