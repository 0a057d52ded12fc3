import type { Kernel } from './expected.ts';

/** What a schedule starts with. Numbers choose among what there is, so that any number is valid. */
export interface Setup {
  readonly kernel: Kernel;
  readonly cpus: number;
  /** The parent of each group below the root: an earlier one. */
  readonly parents: readonly number[];
  /** Which of them have a quota; a group that is not mentioned has. */
  readonly quotas?: readonly boolean[];
  /** The group of each thread; 0: a kernel thread. */
  readonly threads: readonly number[];
  /** Threads of the real-time class; one that is not mentioned is not. */
  readonly realTime?: readonly boolean[];
  /** The first thread gets a CPU only where no other waits. */
  readonly isFirstStarved?: boolean;
  /** As in Linux before 6.18, a quota runs out where a thread below it runs, which leaves the CPU then. */
  readonly throttlesRunning?: boolean;
  /** While waits in progress are looked at, the next thing happens. */
  readonly isInterrupted?: boolean;
  /** Each `iterate` visits some threads only, and the next one those after them. */
  readonly isInSteps?: boolean;
}

export const kinds = [
  'wake',
  'switch',
  'migrate',
  'throttle',
  'unthrottle',
  'move',
  'replace',
  'drop',
  'iterate',
  'miss',
] as const;
export const fates = ['preempted', 'sleeps', 'left_queued', 'throttled', 'dies'] as const;

/** One thing that happens; what is impossible at that point does not. */
export interface Command {
  readonly kind: (typeof kinds)[number];
  /** Nanoseconds since the command before. */
  readonly after: number;
  /** How much of them the hypervisor took from each CPU, in 256ths. */
  readonly stolen: number;
  readonly fate: (typeof fates)[number];
  /** Which CPU, thread or group. */
  readonly which: number;
  readonly where: number;
}
