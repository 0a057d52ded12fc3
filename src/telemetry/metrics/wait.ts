import { culpritAttributes } from '../attributes/culprit.ts';
import { waitAttributes } from '../attributes/wait.ts';
import type { Metric } from '../emits.ts';

const culprit = Object.values(culpritAttributes);

/** Metrics of waiting: emitted by a receiver, turned from classes into causes by `contention`, read by views. */
export const waitMetrics = {
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
