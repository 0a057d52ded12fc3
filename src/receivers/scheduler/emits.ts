import { cgroupCounters } from '../../cgroup/emits.ts';
import { culpritAttributes, lastRunnerAttributes } from '../../telemetry/attributes/culprit.ts';
import { eventAttributes } from '../../telemetry/attributes/event.ts';
import { waitAttributes } from '../../telemetry/attributes/wait.ts';
import { counter, type Emits, type Event, level, listed } from '../../telemetry/emits.ts';
import { measuredMetrics } from '../../telemetry/metrics/wait.ts';

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
  saturated: 'waits beyond the last histogram bucket, counted in it',
  progress_delayed:
    'waits in progress that this reading could not include, because their thread or CPU was switching or the table of threads is full; the next reading, or their end, includes them',
  switch_missed: 'switches without an event from the kernel; the waits they ended have been recovered',
  core_scheduled: 'threads with a core-scheduling cookie, at each reading',
  reading_delayed: 'totals that changed while they were read; the next reading includes them',
};

/** Reasons of the kernel side that are a loss: what is missing, or `unknown`. */
export const kernelLosses: Readonly<Record<string, string>> = {
  ring_full: 'single waits not reported, for want of room in the ring',
  event_refused:
    'single waits not reported, so that the ring keeps room for names and totals; the next one carries their weight',
  retired_lost: 'what a removed cgroup did since the last reading',
  no_slot: 'waits of cgroups beyond `max_workloads`, counted on the one that stands for them all',
  pair_full: 'times a culprit had no name, beyond `max_pairs`',
  pair_evicted:
    'pairs of victim and culprit that made room for others: what they gained meanwhile has no name',
  unnamed_shared: 'culprits without a name, of several cgroups together',
  task_evicted: 'threads forgotten for others: of a wait that moves next, a part is missing',
  task_missed: 'first parts of waits that moved between CPUs',
  task_lost: 'threads forgotten because two CPUs took the same entry',
  open_wait_full: 'throttling or moves of a thread not remembered, for want of room',
  open_wait_lost: 'the same, remembered but gone',
  throttle_moved: 'threads that moved while throttled: what of the wait was throttled is unknown',
  throttle_evicted: 'cgroups whose throttling on a CPU was forgotten for that of others',
  throttle_unknown:
    'waits of which it is not known when or whether they were throttled: that part is `unknown`',
  quota_merged: 'quotas above one another that are not told apart',
  delayed_dequeue: 'waits whose beginning the kernel had wrong (6.12 and later), not counted',
  begin_late:
    'waits whose beginning the kernel had wrong (6.12 and later), counted from the next switch of their CPU on',
  unstamped: 'waits whose beginning the kernel has not stamped, not counted',
  clock_backwards: 'waits that ended before they began, counted as 0',
  history_truncated: 'waits longer than the history: the rest is `unknown`',
  no_cell: 'run time of a cgroup without a cell',
  progress_raced: 'waits that ended while they were read: their culprits may be counted twice',
  progress_lost: 'waits that ended while they were read: their beginning may be counted twice',
  ext_moved: 'waits under sched_ext that moved between CPUs: their first part is `unknown`',
  switch_lost: 'waits whose end had no event from the kernel, not recovered',
};

export const schedulerCounters = {
  kernelDropped: counter({
    name: 'earshot.agent.kernel.dropped',
    unit: '1',
    meaning: `Time, events or names lost between the kernel side and the agent, by component and reason; of the scheduler programs: ${listed(kernelLosses)}.`,
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
  metrics: Object.values(measuredMetrics),
  events: [waitEvent],
  attributes: [waitAttributes.class],
  counters: [...Object.values(schedulerCounters), ...Object.values(cgroupCounters)],
};
