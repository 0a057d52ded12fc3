/** What a machine is made of, as a schedule leaves it. */

/** As `enum thread_kind` of the kernel model has them. */
export const threadKinds = { fair: 0, kernel: 1, realTime: 2 } as const;

export interface Group {
  readonly index: number;
  readonly serial: bigint;
  /** Where its waits are booked. */
  readonly cell: bigint;
  readonly slot: number;
  readonly parent: Group | undefined;
  readonly hasQuota: boolean;
}

export interface Thread {
  readonly index: number;
  readonly pid: number;
  readonly isKernel: boolean;
  /** No quota of a cgroup stops it. */
  readonly isRealTime: boolean;
  group: Group;
  cpu: number;
  state: 'asleep' | 'left_queued' | 'waiting' | 'running';
  /** 6.18: on no queue until its group is unthrottled. */
  isThrottled: boolean;
}

export interface Cpu {
  readonly index: number;
  clock: number;
  stolen: number;
  /** Clock of its run queue at the last update. */
  updated: { readonly clock: number; readonly stolen: number };
  running: Thread | undefined;
}
