import { attribute } from '../emits.ts';

/** Attributes of a single wait and its thread. */
export const eventAttributes = {
  duration: attribute('earshot.wait.duration', 'Seconds from runnable to running.'),
  // Not stable in the conventions yet, and therefore not exported by their main entry point; a test compares the keys.
  processId: attribute('process.pid', 'Process of the thread that waited.'),
  threadId: attribute('thread.id', 'Thread that waited.'),
  threadName: attribute('thread.name', 'Name of the thread that waited.'),
  cpu: attribute('cpu.logical_number', 'CPU on which the wait ended.'),
  culpritTime: attribute(
    'earshot.culprit.time',
    'Seconds of the wait during which the culprit had the CPU, or its quota had run out.',
  ),
  idleCpuTime: attribute(
    'earshot.idle_cpu.time',
    'Seconds, at least, for which another CPU that the thread may use was idle during the wait; the longest of up to eight such CPUs.',
  ),
  idleCpuNumber: attribute('earshot.idle_cpu.number', 'Number of that idle CPU.'),
  weight: attribute(
    'earshot.weight',
    'Number of waits this event stands for; sums over events must be multiplied by it.',
  ),
  migrated: attribute('earshot.migrated', 'The thread changed CPU during the wait.'),
} as const;
