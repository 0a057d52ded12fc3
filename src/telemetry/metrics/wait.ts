import { culpritAttributes } from '../attributes/culprit.ts';
import { waitAttributes } from '../attributes/wait.ts';
import type { Metric } from '../emits.ts';

const culprit = Object.values(culpritAttributes);

/** Emitted by a receiver, turned from classes into causes by `contention`. */
export const measuredMetrics = {
  waitDuration: {
    name: 'earshot.wait.duration',
    kind: 'exponential_histogram',
    unit: 's',
    meaning:
      'Completed waits for CPU, from runnable to running; a wait in progress counts in `earshot.wait.time` as it passes.',
    attributes: [],
  },
  waitTime: {
    name: 'earshot.wait.time',
    kind: 'sum',
    unit: 's',
    meaning: 'Time spent waiting for CPU, as it passes, by cause; the causes sum to the whole.',
    attributes: [waitAttributes.cause],
  },
  blameTime: {
    name: 'earshot.blame.time',
    kind: 'sum',
    unit: 's',
    meaning:
      'The part of the waiting during which each culprit had the CPU, or its quota had run out; the main culprits by name, the rest as `other`.',
    attributes: [waitAttributes.cause, ...culprit, waitAttributes.quotaLevel],
  },
  lastRunnerTime: {
    name: 'earshot.last_runner.time',
    kind: 'sum',
    unit: 's',
    meaning:
      "Full duration of the victim's waits whose last runner was the culprit: what a last-runner heuristic would blame. Where it differs from `earshot.blame.time`, that heuristic misleads.",
    attributes: culprit,
  },
  preemptions: {
    name: 'earshot.preemptions',
    kind: 'sum',
    unit: '{preemption}',
    meaning:
      'Switches away from a thread that could still run, by the cause and the culprit that took the CPU.',
    attributes: [waitAttributes.cause, ...culprit],
  },
  runTime: {
    name: 'earshot.run.time',
    kind: 'sum',
    unit: 's',
    meaning: 'Time on CPU.',
    attributes: [],
  },
} as const satisfies Readonly<Record<string, Metric>>;

/** Added by `contention`, of the same intervals. */
export const judgedMetrics = {
  excessTime: {
    name: 'earshot.excess.time',
    kind: 'sum',
    unit: 's',
    meaning:
      'The part of `earshot.blame.time` that a sibling, neighbor or system service caused by taking more CPU time than its share while the victim got less than its own. Shares are by the weights of all levels of the cgroup hierarchy, and none is more than its party can use.',
    attributes: [waitAttributes.cause, ...culprit],
  },
  entitledTime: {
    name: 'earshot.entitled.time',
    kind: 'sum',
    unit: 's',
    meaning:
      'The part of `earshot.blame.time` of siblings, neighbors and system services to which they were entitled, by cause. What of the blame is neither this nor excess is not known (`earshot.agent.blame.unjudged`).',
    attributes: [waitAttributes.cause],
  },
  offenceTime: {
    name: 'earshot.offence.time',
    kind: 'sum',
    unit: 's',
    meaning:
      "Excess wait that the workload of the resource, as the culprit, caused to others: the sum of `earshot.excess.time` over its victims. Several threads may wait for one that runs, so that it can exceed the culprit's run time.",
    attributes: [],
  },
} as const satisfies Readonly<Record<string, Metric>>;

/** Metrics of waiting, as views and connectors read them. */
export const waitMetrics = { ...measuredMetrics, ...judgedMetrics } as const;
