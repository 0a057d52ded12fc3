import { culpritAttributes } from '../../telemetry/attributes/culprit.ts';
import { findingAttributes, findingEventName } from '../../telemetry/attributes/finding.ts';
import { waitAttributes } from '../../telemetry/attributes/wait.ts';
import { attribute, counter, type Emits, level, listed } from '../../telemetry/emits.ts';
import { doubtMeaning } from './confidence.ts';
import { verdictMeaning } from './verdicts.ts';

export const scorePart = attribute(
  'earshot.score.part',
  '`latency`, `preemption`, `throttling`, `resource`, `overall` (0 to 100 each) or `confidence` (0 to 1, of the verdict on the longest part).',
);

export const scoreMetric = {
  name: 'earshot.score',
  kind: 'gauge',
  unit: '1',
  meaning: 'How badly a workload waits for CPU because of others.',
  attributes: [scorePart],
} as const;

export const findingEvent = {
  name: findingEventName,
  meaning: `A verdict begins, becomes more severe, is still there after a while, or ends. The body is one sentence. Verdicts: ${listed(verdictMeaning)}. What may lower the confidence: ${listed(doubtMeaning)}.`,
  attributes: [
    ...Object.values(findingAttributes),
    ...Object.values(culpritAttributes),
    waitAttributes.quotaLevel,
  ],
} as const;

export const findingCounters = {
  active: level({
    name: 'earshot.agent.findings.active',
    unit: '{finding}',
    meaning: 'Findings that are active.',
  }),
  evicted: counter({
    name: 'earshot.agent.findings.evicted',
    unit: '1',
    meaning:
      'What the connector forgot beyond `max_workloads`, by reason: `history` (a workload without a usual p99), `candidate` (what may have become a finding, or a saved one that went on).',
    isLoss: true,
  }),
  retained: level({
    name: 'earshot.agent.explanations.retained',
    unit: '1',
    meaning: 'What is held for `earshot explain`: workloads by windows, and by minutes before those.',
  }),
  forgotten: counter({
    name: 'earshot.agent.explanations.evicted',
    unit: '1',
    meaning:
      'Of what is held for `earshot explain`, evicted beyond `max_retained` before its hour has passed: how far back an answer goes, no loss of telemetry.',
    isLoss: false,
  }),
  unsaved: counter({
    name: 'earshot.agent.findings.unsaved',
    unit: '1',
    meaning:
      'Histories and findings with changes that were not saved when the connector was closed: the storage was too slow, or could not be written.',
    isLoss: true,
  }),
  discarded: counter({
    name: 'earshot.agent.findings.discarded',
    unit: '1',
    meaning:
      'Starts at which saved histories and findings could not be used: they have another format, or are damaged. The connector began without. Where the storage cannot be read, they are kept, and reading is tried again.',
    isLoss: true,
  }),
} as const;

export const noisyNeighborEmits: Emits = {
  metrics: [scoreMetric],
  events: [findingEvent],
  counters: Object.values(findingCounters),
};
