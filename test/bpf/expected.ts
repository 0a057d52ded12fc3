/**
 * How a kernel throttles: `tasks` one by one (6.18), whole `queues` with their wall time (6.6), whole queues with
 * the `pelt` clock (before).
 */
export type Kernel = 'tasks' | 'queues' | 'pelt';

export type Class = 'self' | 'other' | 'kernel' | 'idle' | 'throttled' | 'stolen' | 'unknown';

/** What the waits of one cgroup must come to. */
export interface Expected {
  wait: number;
  run: number;
  readonly classes: Record<Class, number>;
  /** No class may be off by more: what is prorated, or cannot be known. */
  slack: number;
  /** As slack, of how throttled time is split by quota. */
  blur: number;
  /** Time may be `unknown` for want of depth. */
  mayBeUnknown: boolean;
  preemptedBySelf: number;
  preemptedByKernel: number;
}

export interface ExpectedPair {
  other: number;
  throttled: number;
  preemptions: number;
}

/** A wait as its thread sees it: over all CPUs it was on. */
export interface ExpectedWait {
  readonly pid: number;
  readonly cell: bigint;
  readonly slot: number;
  readonly wait: number;
  readonly pieces: number;
  readonly slack: number;
  readonly mayBeUnknown: boolean;
  readonly classes: Readonly<Record<Class, number>>;
  /** Time of each other cgroup. */
  readonly culprits: ReadonlyMap<bigint, number>;
  readonly migrated: boolean;
}
