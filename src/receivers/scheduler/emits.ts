import { cgroupCounters } from '../../cgroup/emits.ts';
import { culpritAttributes, lastRunnerAttributes } from '../../telemetry/attributes/culprit.ts';
import { waitAttributes } from '../../telemetry/attributes/wait.ts';
import { attribute, counter, type Emits, type Event, level, listed } from '../../telemetry/emits.ts';
import { waitMetrics } from '../../telemetry/metrics/wait.ts';

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
    'Seconds, at least, for which another CPU that the thread may use was idle during the wait; the longest of any one CPU.',
  ),
  idleCpuNumber: attribute('earshot.idle_cpu.number', 'Number of that idle CPU.'),
  weight: attribute(
    'earshot.weight',
    'Number of waits this event stands for; sums over events must be multiplied by it.',
  ),
  migrated: attribute('earshot.migrated', 'The thread changed CPU during the wait.'),
} as const;

export const waitEvent = {
  name: 'earshot.wait',
  meaning: 'One wait for CPU: a long one, or a sample of the short ones.',
  attributes: [
    eventAttributes.duration,
    waitAttributes.cause,
    eventAttributes.processId,
    eventAttributes.threadId,
    eventAttributes.threadName,
    eventAttributes.cpu,
    ...Object.values(culpritAttributes),
    waitAttributes.quotaLevel,
    eventAttributes.culpritTime,
    ...Object.values(lastRunnerAttributes),
    eventAttributes.idleCpuTime,
    eventAttributes.idleCpuNumber,
    eventAttributes.weight,
    eventAttributes.migrated,
  ],
} as const satisfies Event;

/** Reasons of the kernel side that are no loss: nothing is missing from the totals. */
export const kernelNotes: Readonly<Record<string, string>> = {
  suppressed: "events over the rate; the workload's next one carries their weight",
  no_slot: 'waits of cgroups beyond `max_workloads`, counted on the one that stands for them all',
  saturated: 'waits beyond the last histogram bucket, counted in it',
  progress_delayed:
    'waits in progress that this reading could not include, because their thread or CPU was switching or the table of threads is full; the next reading, or their end, includes them',
  switch_missed: 'switches without an event from the kernel; the waits they ended have been recovered',
  reading_delayed: 'totals that changed while they were read; the next reading includes them',
};

export const schedulerCounters = {
  kernelDropped: counter({
    name: 'earshot.agent.kernel.dropped',
    unit: '1',
    meaning: 'Time, events or names lost between the kernel side and the agent, by component and reason.',
    isLoss: true,
  }),
  kernelNoted: counter({
    name: 'earshot.agent.kernel.noted',
    unit: '1',
    meaning: `Notes of the kernel side that are no loss, by component and reason: ${listed(kernelNotes)}.`,
    isLoss: false,
  }),
  bpfRuns: counter({
    name: 'earshot.agent.bpf.runs',
    unit: '{run}',
    meaning: 'Runs of each BPF program, over all CPUs, while its cost was measured.',
    isLoss: false,
  }),
  bpfRunTime: counter({
    name: 'earshot.agent.bpf.run_time',
    unit: 's',
    meaning: 'Time in each BPF program, over all CPUs, while its cost was measured.',
    isLoss: false,
  }),
  bpfMeanRunTime: level({
    name: 'earshot.agent.bpf.run_time.mean',
    unit: 's',
    meaning:
      'Mean time of a run of each BPF program in the last measurement of its cost; for `on_switch`, the time added to a context switch.',
  }),
  bpfShare: level({
    name: 'earshot.agent.bpf.cpu_share',
    unit: '1',
    meaning:
      'Time in each BPF program per time, in the last measurement of its cost: 1 is one CPU, 0.01 a hundredth of one.',
  }),
} as const;

/** A reason missing in `kernelNotes` is a loss, so that a new one is not hidden. */
export const kernelCounter = (reason: string) =>
  Object.hasOwn(kernelNotes, reason) ? schedulerCounters.kernelNoted : schedulerCounters.kernelDropped;

export const schedulerEmits: Emits = {
  metrics: Object.values(waitMetrics),
  events: [waitEvent],
  attributes: [waitAttributes.class],
  counters: [...Object.values(schedulerCounters), ...Object.values(cgroupCounters)],
};
