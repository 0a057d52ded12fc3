import { Throttling } from '../kernel/throttling.ts';
import { flags, idleIndex, kernelIndex, kinds, type Trace } from './trace.ts';

/**
 * The brute-force account: every wait, part by part where it moved between CPUs, against every slice it overlaps. It
 * knows of the programs under test neither history nor totals, and of the kernel's stamps only what wake-ups and
 * switches confirm.
 */
export const replayClasses = ['self', 'other', 'kernel', 'idle', 'throttled', 'stolen', 'unknown'] as const;
export type ReplayClass = (typeof replayClasses)[number];

/** All waits of one cgroup. Times in ns. */
export interface Replayed {
  waits: number;
  wait: number;
  readonly classes: Record<ReplayClass, number>;
  /** Time by the cgroup that had the CPU, where that was another one. */
  readonly by: Map<bigint, number>;
  /** Waits whose stamp is known to be wrong, as the programs under test know it: they are nowhere else. */
  excluded: { waits: number; wait: number };
  /** Waits with a wrong stamp that the programs cannot detect, and its error. */
  misstamped: { waits: number; wait: number };
  /** Throttled again behind a stamp, on a CPU the task has left: its duration is unknown. */
  unresolved: number;
  /** Waits that ended in a switch for which no hook was called. */
  unseen: number;
}

export type Replay = ReadonlyMap<bigint, Replayed>;

/** A part of a wait on one CPU, from `from` (what was throttled of it left out) to `to`. */
export interface WaitPart {
  readonly serial: number;
  readonly cpu: number;
  /** The slices of that CPU that ended meanwhile: indices in `slicesOf(trace, cpu)`, `first` to `last`. */
  readonly first: number;
  readonly last: number;
}

export interface WholeWait {
  readonly serial: number;
  readonly wait: number;
  /** The cgroup whose thread was switched out for it. */
  readonly last: number;
  /** Began with a wake-up; otherwise the task was pushed off a CPU, or throttled. */
  readonly isWoken: boolean;
}

export interface Observer {
  part?(part: WaitPart): void;
  wait?(wait: WholeWait): void;
  /** Switched out although it could have run on, `by` being switched in. */
  preemption?(serial: number, by: number): void;
}

interface Task {
  /** Since when it can run and does not; NaN: it runs or sleeps. */
  waiting: number;
  isWoken: boolean;
  hasMoved: boolean;
  isBogus: boolean;
  /** `run_delay` before the current part of the wait; NaN: never seen. */
  runDelay: number;
  carried: number;
  /** Index in the samples of its group on this CPU when it was throttled, or -1. */
  mark: number;
  markedAs: number;
}

/** Switches of each CPU: the end of slice `i` is the `i`th, its beginning the one before. */
export function slicesOf(trace: Trace): readonly (readonly number[])[] {
  const slices: number[][] = [];
  for (let i = 0; i < trace.length; i++) {
    if (trace.kind[i] !== kinds.switch) continue;
    const cpu = trace.cpu[i] ?? 0;
    while (slices.length <= cpu) slices.push([]);
    slices[cpu]?.push(i);
  }
  return slices;
}

export function replay(trace: Trace, observer: Observer = {}): Replay {
  return new Replayer(trace, observer).run();
}

class Replayer {
  readonly #trace: Trace;
  readonly #observer: Observer;
  readonly #slices: readonly (readonly number[])[];
  readonly #tasks = new Map<number, Task>();
  readonly #throttling = new Throttling();
  readonly #result = new Map<bigint, Replayed>();

  constructor(trace: Trace, observer: Observer) {
    this.#trace = trace;
    this.#observer = observer;
    this.#slices = slicesOf(trace);
  }

  run(): Replay {
    const { kind, length } = this.#trace;
    for (let i = 0; i < length; i++) {
      if (kind[i] === kinds.switch) {
        this.#switchOut(i);
        this.#switchIn(i);
      } else if (kind[i] === kinds.move) this.#move(i);
      else this.#wake(i);
    }
    return this.#result;
  }

  #switchOut(i: number): void {
    const pid = this.#trace.prevPid[i] ?? 0;
    const serial = this.#trace.prevSerial[i] ?? 0;
    const cpu = this.#trace.cpu[i] ?? 0;
    const flag = this.#trace.flags[i] ?? 0;
    const clock = this.#trace.clock[i] ?? 0;
    if (pid === 0) return;
    const task = this.#task(pid);
    if (flag & flags.unseen) {
      task.waiting = Number.NaN;
      return;
    }
    const mark = this.#throttling.saw(cpu, serial, clock, this.#trace.prevThrottled[i] ?? 0);
    const next = this.#trace.serial[i] ?? 0;
    task.isWoken = false;
    task.waiting = flag & flags.prevRunnable ? clock : Number.NaN;
    if (!(flag & flags.prevRunnable)) return;
    if (flag & flags.prevThrottled) {
      task.mark = mark;
      task.markedAs = serial;
    } else if (next !== idleIndex) this.#observer.preemption?.(serial, next);
  }

  #switchIn(i: number): void {
    const trace = this.#trace;
    const pid = trace.pid[i] ?? 0;
    const serial = trace.serial[i] ?? 0;
    const cpu = trace.cpu[i] ?? 0;
    const clock = trace.clock[i] ?? 0;
    if (pid === 0) return;
    const task = this.#task(pid);
    const isUnseen = ((trace.flags[i] ?? 0) & flags.unseen) !== 0;
    const queued = (isUnseen ? task.waiting : trace.queued[i]) ?? Number.NaN;
    const of = this.#of(serial);
    if (isUnseen) of.unseen++;
    else this.#throttling.saw(cpu, serial, clock, trace.throttled[i] ?? 0);
    if (Number.isNaN(queued)) {
      if (!Number.isNaN(task.waiting)) misstamp(of, clock - task.waiting);
    } else if (task.isBogus) {
      of.excluded.waits++;
      if (!Number.isNaN(task.waiting)) of.excluded.wait += clock - task.waiting;
    } else {
      if (isSeen(task) && task.waiting !== queued) misstamp(of, task.waiting - queued);
      this.#charge(task, { serial, cpu, from: queued, to: clock });
      of.waits++;
      const wait = task.carried + clock - queued;
      this.#observer.wait?.({ serial, wait, last: trace.prevSerial[i] ?? 0, isWoken: task.isWoken });
    }
    task.waiting = Number.NaN;
    task.isBogus = false;
    task.hasMoved = false;
    task.carried = 0;
    task.mark = -1;
    task.runDelay = (isUnseen ? task.runDelay : (trace.runDelay[i] ?? 0)) + (clock - queued || 0);
  }

  /** The kernel has just closed the wait on the CPU it leaves; where the task goes it is stamped anew. */
  #move(i: number): void {
    const task = this.#task(this.#trace.pid[i] ?? 0);
    const serial = this.#trace.serial[i] ?? 0;
    const cpu = this.#trace.cpu[i] ?? 0;
    const to = this.#trace.clock[i] ?? 0;
    const runDelay = this.#trace.runDelay[i] ?? 0;
    const wait = Number.isNaN(task.runDelay) ? to - task.waiting || 0 : runDelay - task.runDelay;
    task.runDelay = runDelay;
    this.#throttling.saw(cpu, serial, to, this.#trace.throttled[i] ?? 0);
    if ((this.#trace.flags[i] ?? 0) & flags.delayed) task.isBogus = true;
    else if (wait > 0 && !task.isBogus) {
      const of = this.#of(serial);
      if (isSeen(task) && task.waiting !== to - wait) misstamp(of, task.waiting - (to - wait));
      this.#charge(task, { serial, cpu, from: to - wait, to });
      task.carried += wait;
    }
    task.mark = -1;
    task.hasMoved = true;
    if (!Number.isNaN(task.waiting)) task.waiting = to;
  }

  /** A task that runs may be woken too; that it waits is forgotten when it leaves the CPU. */
  #wake(i: number): void {
    const task = this.#task(this.#trace.pid[i] ?? 0);
    if (this.#trace.kind[i] === kinds.newWakeup) Object.assign(task, newTask());
    else if (!Number.isNaN(task.waiting)) return;
    task.waiting = this.#trace.clock[i] ?? 0;
    task.runDelay = this.#trace.runDelay[i] ?? 0;
    task.isWoken = true;
  }

  #charge(
    task: Task,
    part: { readonly serial: number; readonly cpu: number; readonly from: number; readonly to: number },
  ): void {
    const { clock, stolen, prevSerial, parties } = this.#trace;
    const { serial, cpu, to } = part;
    const of = this.#of(serial);
    const throttled = this.#throttled(task, part);
    const from = part.from + throttled;
    of.wait += to - part.from;
    of.classes.throttled += throttled;
    const slices = this.#slices[cpu] ?? [];
    const last = firstAtLeast(slices, to, (at) => clock[at] ?? 0);
    let left = to - from;
    let first = last + 1;
    for (let k = last; k > 0; k--) {
      const ending = slices[k];
      const before = slices[k - 1] ?? 0;
      if (ending === undefined) continue;
      const end = clock[ending] ?? 0;
      const start = clock[before] ?? 0;
      if (end <= from) break;
      first = k;
      const overlap = Math.min(end, to) - Math.max(start, from);
      if (overlap <= 0) continue;
      const stolenOfSlice = (stolen[ending] ?? 0) - (stolen[before] ?? 0);
      const stolenMeanwhile = Math.min(overlap, (stolenOfSlice * overlap) / (end - start));
      const ran = overlap - stolenMeanwhile;
      const culprit = prevSerial[ending] ?? 0;
      left -= overlap;
      of.classes.stolen += stolenMeanwhile;
      if (culprit === idleIndex) of.classes.idle += ran;
      else if (culprit === serial) of.classes.self += ran;
      else if (culprit === kernelIndex) of.classes.kernel += ran;
      else {
        of.classes.other += ran;
        const id = parties[culprit] ?? 0n;
        of.by.set(id, (of.by.get(id) ?? 0) + ran);
      }
    }
    of.classes.unknown += left;
    const ended = (clock[slices[last] ?? -1] ?? Number.POSITIVE_INFINITY) <= to ? last : last - 1;
    if (from < to) this.#observer.part?.({ serial, cpu, first: Math.min(first, ended + 1), last: ended });
  }

  #throttled(
    task: Task,
    { serial, cpu, from, to }: { serial: number; cpu: number; from: number; to: number },
  ) {
    if (task.mark < 0) return 0;
    if (task.markedAs !== serial) {
      this.#of(serial).unresolved++;
      return 0;
    }
    const grown = this.#throttling.untilReleased(cpu, serial, task.mark);
    return Math.min(grown, to - from);
  }

  #task(pid: number): Task {
    let task = this.#tasks.get(pid);
    if (!task) {
      task = newTask();
      this.#tasks.set(pid, task);
    }
    return task;
  }

  #of(serial: number): Replayed {
    const id = this.#trace.parties[serial] ?? 0n;
    let of = this.#result.get(id);
    if (!of) {
      of = {
        waits: 0,
        wait: 0,
        classes: { self: 0, other: 0, kernel: 0, idle: 0, throttled: 0, stolen: 0, unknown: 0 },
        by: new Map(),
        excluded: { waits: 0, wait: 0 },
        misstamped: { waits: 0, wait: 0 },
        unresolved: 0,
        unseen: 0,
      };
      this.#result.set(id, of);
    }
    return of;
  }
}

/** Whether the beginning of the current part of its wait was seen: not where it goes after a move, nor before the trace. */
function isSeen(task: Task): boolean {
  return !task.hasMoved && !Number.isNaN(task.runDelay);
}

function misstamp({ misstamped }: Replayed, by: number): void {
  misstamped.waits++;
  misstamped.wait += Math.abs(by) || 0;
}

function newTask(): Task {
  return {
    waiting: Number.NaN,
    isWoken: false,
    hasMoved: false,
    isBogus: false,
    runDelay: Number.NaN,
    carried: 0,
    mark: -1,
    markedAs: 0,
  };
}

/** Index of the first of `sorted` whose value is at least `value`; its length if there is none. */
function firstAtLeast(sorted: readonly number[], value: number, keyOf: (at: number) => number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (keyOf(sorted[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
