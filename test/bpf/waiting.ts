import type { Class } from './expected.ts';
import type { Group } from './state.ts';
import type { Interval } from './throttled-time.ts';

/** A thread that is on a queue. */
export interface Waiting {
  /** Since when it waits for this CPU, and from when on that has not been charged. */
  since: number;
  from: number;
  /** Cgroup for which it ran until it began to wait, if it was preempted. */
  ranAs: bigint | undefined;
  /** Its stamp is wrong, and it has not been found awake. */
  isBogus: boolean;
  /** It was found awake. */
  isLate: boolean;
  /** Intervals with an unseen begin, and what they add to `slack`. */
  readonly unseen: Map<Interval, number>;
  /** To another group meanwhile. */
  hasMoved: boolean;
  /** 6.18: throttled on this CPU from when on, and until when; whether the programs know since when. */
  mark: Mark | undefined;
  /** Pieces it was charged in. */
  pieces: number;
  wait: number;
  slack: number;
  /** As slack, of how throttled time is split by quota. */
  blur: number;
  mayBeUnknown: boolean;
  readonly classes: Record<Class, number>;
  readonly culprits: Map<bigint, number>;
  migrated: boolean;
}

interface Mark {
  readonly group: Group;
  readonly from: number;
  until: number;
  isKnown: boolean;
  /** Moved away and back: the programs see the same group, and nothing of its time in the other one. */
  hasReturned?: boolean;
}

export const noTime = (): Record<Class, number> => ({
  self: 0,
  other: 0,
  kernel: 0,
  idle: 0,
  throttled: 0,
  stolen: 0,
  unknown: 0,
});

export const waitingFrom = (from: number): Waiting => ({
  since: from,
  from,
  ranAs: undefined,
  unseen: new Map(),
  hasMoved: false,
  isBogus: false,
  isLate: false,
  mark: undefined,
  pieces: 0,
  wait: 0,
  slack: 0,
  blur: 0,
  mayBeUnknown: false,
  classes: noTime(),
  culprits: new Map(),
  migrated: false,
});
