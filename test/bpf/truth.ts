import { pseudoSerials } from '../../src/receivers/scheduler/abi.ts';
import type { Class, Expected, ExpectedPair, ExpectedWait, Kernel } from './expected.ts';
import type { Command, Cpu, Group, Thread } from './machine.ts';
import { type Interval, lineage, ThrottledTime } from './throttled-time.ts';
import { constant, type Own, Timeline } from './timeline.ts';

const intervals = constant('INTERVALS');

/** A thread that is on a queue. */
interface Waiting {
  /** Since when it waits for this CPU, and from when on that has not been charged. */
  since: number;
  from: number;
  /** For whom it ran until it began to wait, if it was pushed off the CPU. */
  ranAs: bigint | undefined;
  isBogus: boolean;
  /** Intervals nobody saw begin that add to `slack`, and how much. */
  readonly unseen: Map<Interval, number>;
  /** To another group meanwhile. */
  hasMoved: boolean;
  mark: { readonly group: Group; from: number } | undefined;
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

const noTime = (): Record<Class, number> => ({
  self: 0,
  other: 0,
  kernel: 0,
  idle: 0,
  throttled: 0,
  stolen: 0,
  unknown: 0,
});

/** What had been charged when the waits in progress were. */
export interface Progress {
  /** `wait` by cell, waits in progress included. */
  readonly waits: ReadonlyMap<bigint, number>;
}

/** Replays a schedule by brute force: every slice of every CPU is kept, every wait cut along all of them. */
export class Truth {
  readonly cells = new Map<bigint, Expected>();
  readonly pairs = new Map<string, ExpectedPair>();
  readonly waits: ExpectedWait[] = [];
  readonly progress: Progress[] = [];
  bogus = 0;
  movedThrottled = 0;
  /** Switches nobody told the programs of. */
  untold = 0;
  /** Times part of a wait was charged to several together. */
  unnamedShared = 0;
  readonly #kernel: Kernel;
  readonly #timelines: readonly Timeline[];
  readonly #throttled: ThrottledTime;
  readonly #waiting = new Map<Thread, Waiting>();
  /** Threads the programs know. */
  readonly #known = new Set<Thread>();
  readonly #arrivals = new Map<Thread, number>();
  /** Since when the programs are wrong about who has a CPU. */
  readonly #untoldSince = new Map<Timeline, number>();

  constructor(kernel: Kernel, cpus: readonly Cpu[], groups: readonly Group[]) {
    this.#kernel = kernel;
    this.#throttled = new ThrottledTime(kernel, groups);
    this.#timelines = cpus.map(() => new Timeline());
  }

  isKnown(thread: Thread): boolean {
    return this.#known.has(thread);
  }

  lastSwitch(cpu: Cpu): number {
    return this.#timelineOf(cpu).at;
  }

  isUntold(cpu: Cpu): boolean {
    return this.#untoldSince.has(this.#timelineOf(cpu));
  }

  wake(thread: Thread, cpu: Cpu, wasQueued: boolean): void {
    if (!wasQueued) this.#throttled.enqueue(thread.group, cpu);
    if (!this.#waiting.has(thread)) this.#waiting.set(thread, waitingFrom(cpu.clock));
  }

  /** A sleeper is taken off its queue; the kernel keeps what stamp it has. */
  leave(thread: Thread): void {
    this.#throttled.dequeue(thread.group, thread.cpu);
  }

  switch(
    cpu: Cpu,
    {
      prev,
      next,
      fate,
      isTraced,
    }: { prev: Thread | undefined; next: Thread | undefined; fate: Command['fate']; isTraced: boolean },
  ): void {
    const timeline = this.#timelineOf(cpu);
    const nextSerial = next ? serialOf(next) : pseudoSerials.idle;
    const prevSerial = prev ? serialOf(prev) : pseudoSerials.idle;
    const ran = timeline.end(cpu.clock, cpu.stolen, prevSerial);
    if (prevSerial !== pseudoSerials.idle && ran > 0) this.#cell(prev ? cellOf(prev) : prevSerial).run += ran;
    timeline.running = nextSerial;
    if (isTraced) {
      this.#untoldSince.delete(timeline);
    } else {
      this.#untoldSince.set(timeline, cpu.clock);
      this.untold++;
    }
    if (prev) this.#leaveCpu(prev, { cpu, fate, nextSerial, isTraced });
    if (next) this.#endWait(next, cpu, isTraced);
  }

  migrate(thread: Thread, { source, target }: { source: Cpu; target: Cpu }): void {
    const waiting = this.#waiting.get(thread);
    const isSleeper = thread.state === 'left_queued';
    this.#throttled.dequeue(thread.group, source.index);
    this.#known.add(thread);
    if (isSleeper) {
      this.#waiting.set(thread, { ...waitingFrom(target.clock), isBogus: true });
    } else if (waiting && !waiting.isBogus && source.clock > waiting.since) {
      this.#charge(thread, waiting, source);
      this.#throttled.tell(thread.group, source);
      waiting.migrated = true;
      waiting.mark = undefined;
    }
    if (waiting && !isSleeper) {
      waiting.since = target.clock;
      waiting.from = target.clock;
      waiting.ranAs = undefined;
    }
    this.#throttled.enqueue(thread.group, target);
  }

  move(thread: Thread, group: Group, cpu: Cpu): void {
    if (thread.state === 'asleep') return;
    const waiting = this.#waiting.get(thread);
    if (waiting) waiting.hasMoved = true;
    this.#throttled.dequeue(thread.group, cpu.index);
    this.#throttled.enqueue(group, cpu);
  }

  /** Waits that go on are charged until now, as far as their CPUs know of now. */
  iterate(threads: readonly Thread[], cpus: readonly Cpu[]): void {
    for (const thread of threads) {
      const waiting = this.#waiting.get(thread);
      const cpu = cpus[thread.cpu] as Cpu;
      this.#known.add(thread);
      if (!waiting || waiting.isBogus || thread.state !== 'waiting') continue;
      const now = { ...cpu, clock: cpu.told.clock, stolen: cpu.told.stolen };
      if (now.clock <= waiting.from) continue;
      this.#charge(thread, waiting, now);
      waiting.from = now.clock;
      if (waiting.mark) waiting.mark.from = now.clock;
    }
    this.progress.push({ waits: new Map(this.cells.entries().map(([cell, { wait }]) => [cell, wait])) });
  }

  throttle = (group: Group, cpu: Cpu): void => this.#throttled.throttle(group, cpu);
  unthrottle = (group: Group, cpu: Cpu): void => this.#throttled.unthrottle(group, cpu);
  hasRunOut = (group: Group, cpu: Cpu): boolean => this.#throttled.hasRunOut(group, cpu);
  isThrottled = (group: Group, cpu: Cpu): boolean => this.#throttled.isThrottled(group, cpu);

  #timelineOf(cpu: Cpu): Timeline {
    return this.#timelines[cpu.index] as Timeline;
  }

  #leaveCpu(
    prev: Thread,
    {
      cpu,
      fate,
      nextSerial,
      isTraced,
    }: { cpu: Cpu; fate: Command['fate']; nextSerial: bigint; isTraced: boolean },
  ): void {
    if (fate === 'sleeps' || fate === 'dies') this.#throttled.dequeue(prev.group, cpu.index);
    if (fate === 'dies') {
      this.#known.delete(prev);
      this.#arrivals.delete(prev);
    }
    if (fate === 'sleeps' || fate === 'dies' || fate === 'left_queued') return;
    const waiting = { ...waitingFrom(cpu.clock), ranAs: serialOf(prev) };
    this.#waiting.set(prev, waiting);
    if (fate === 'throttled') {
      this.#throttled.throttleThread(prev.group, cpu);
      if (isTraced) {
        waiting.mark = { group: prev.group, from: cpu.clock };
        this.#known.add(prev);
      }
    } else if (!isTraced) {
      return;
    } else if (this.#kernel !== 'tasks' && this.#throttled.isThrottled(prev.group, cpu)) {
      this.#throttled.notice(prev.group, cpu);
    } else if (nextSerial === serialOf(prev)) {
      this.#cell(cellOf(prev)).preemptedBySelf++;
    } else if (nextSerial === pseudoSerials.kernel) {
      this.#cell(cellOf(prev)).preemptedByKernel++;
    } else if (nextSerial !== pseudoSerials.idle) {
      this.#pair(cellOf(prev), nextSerial).preemptions++;
    }
  }

  #endWait(thread: Thread, cpu: Cpu, isTraced: boolean): void {
    const waiting = this.#waiting.get(thread);
    this.#waiting.delete(thread);
    if (waiting?.isBogus) this.bogus++;
    // What its last slice before the wait was, the kernel has forgotten by the time it is made up for.
    if (!isTraced) this.#arrivals.delete(thread);
    if (waiting && !waiting.isBogus) this.#charge(thread, waiting, cpu);
    if (isTraced) this.#known.add(thread);
    this.#arrivals.set(thread, cpu.clock);
    this.#throttled.tell(thread.group, cpu);
    if (!waiting || waiting.isBogus) return;
    const slot = thread.isKernel ? 0 : thread.group.slot;
    this.waits.push({ ...waiting, pid: thread.pid, cell: cellOf(thread), slot });
  }

  /** What of a wait passed on this CPU and has not been charged. */
  #charge(thread: Thread, waiting: Waiting, cpu: Cpu): void {
    const cell = this.#cell(cellOf(thread));
    const to = cpu.clock;
    const from = waiting.from;
    let slack = 0;
    let blur = 0;
    let mayBeUnknown = false;
    const add = (name: Class, ns: number, culprit?: bigint) => {
      cell.classes[name] += ns;
      waiting.classes[name] += ns;
      if (culprit === undefined || ns === 0) return;
      this.#pair(cellOf(thread), culprit)[name === 'throttled' ? 'throttled' : 'other'] += ns;
      if (name === 'other') waiting.culprits.set(culprit, (waiting.culprits.get(culprit) ?? 0) + ns);
    };
    const walk = (start: number, end: number) => {
      if (start >= end) return;
      const timeline = this.#timelineOf(cpu);
      const arrival = this.#arrivals.get(thread);
      const own: Own | undefined =
        arrival !== undefined && !waiting.migrated
          ? {
              serial: serialOf(thread),
              since: arrival,
              until: waiting.since,
              isCertain: waiting.ranAs === serialOf(thread),
            }
          : undefined;
      const found = timeline.between(start, end, cpu.stolen, own);
      for (const [serialRan, ns] of found.ran)
        if (serialRan === serialOf(thread)) add('self', ns);
        else if (serialRan === pseudoSerials.idle) add('idle', ns);
        else if (serialRan === pseudoSerials.kernel) add('kernel', ns);
        else add('other', ns, serialRan);
      this.unnamedShared += found.unnamedShared;
      add('stolen', found.stolen);
      add('unknown', found.unknown);
      slack += found.slack;
      const untold = this.#untoldSince.get(timeline);
      if (untold !== undefined) slack += Math.max(0, end - Math.max(start, untold));
    };
    /** The same as passed in [start, end), or as much. */
    const addThrottled = (ns: number, start: number, end: number) => {
      add('throttled', ns);
      for (const [culprit, ns] of this.#throttled.parts(thread.group, cpu, start, end))
        if (ns > 0) this.#pair(cellOf(thread), culprit).throttled += ns;
    };
    cell.wait += to - from;
    waiting.wait += to - from;
    if (this.#kernel === 'tasks') {
      const { mark } = waiting;
      if (mark && mark.group !== thread.group) {
        this.movedThrottled++;
        waiting.mark = undefined;
      }
      let at = from;
      if (mark && mark.group === thread.group) {
        at += this.#throttled.between(thread.group, cpu, mark.from, to);
        addThrottled(at - from, mark.from, to);
        blur += this.#throttled.stray(thread.group, cpu, mark.from, to);
      }
      walk(at, to);
    } else if (!thread.isKernel) {
      const { cuts, unseen, isBegun } = this.#throttled.cuts(thread.group, cpu, from, to);
      if (cuts.length > intervals - 1) {
        slack += to - from;
        mayBeUnknown = true;
      }
      for (const [interval, all] of unseen) {
        // Charged in pieces, it can be in the wrong place in two of them.
        const ns = waiting.pieces > 0 ? 2 * all : all;
        slack += Math.max(0, ns - (waiting.unseen.get(interval) ?? 0));
        waiting.unseen.set(interval, ns);
      }
      const levels = lineage(thread.group).filter(({ hasQuota }) => hasQuota).length;
      if (levels > 1 && (isBegun || unseen.size > 0 || waiting.hasMoved))
        for (const cut of cuts) blur += cut.end - cut.start;
      blur += slack;
      let at = from;
      for (const { start, end } of cuts) {
        walk(at, start);
        addThrottled(end - start, start, end);
        at = end;
      }
      walk(at, to);
    } else {
      walk(from, to);
    }
    waiting.pieces++;
    for (const sum of [cell, waiting]) {
      sum.slack += slack;
      sum.blur += blur;
      sum.mayBeUnknown ||= mayBeUnknown;
    }
  }

  #cell(cell: bigint): Expected {
    const found = this.cells.get(cell) ?? {
      wait: 0,
      run: 0,
      classes: noTime(),
      slack: 0,
      blur: 0,
      mayBeUnknown: false,
      preemptedBySelf: 0,
      preemptedByKernel: 0,
    };
    this.cells.set(cell, found);
    return found;
  }

  #pair(victim: bigint, culprit: bigint): ExpectedPair {
    const key = `${victim}<${culprit}`;
    const found = this.pairs.get(key) ?? { other: 0, throttled: 0, preemptions: 0 };
    this.pairs.set(key, found);
    return found;
  }
}

const serialOf = ({ isKernel, group }: Thread): bigint => (isKernel ? pseudoSerials.kernel : group.serial);
const cellOf = ({ isKernel, group }: Thread): bigint => (isKernel ? pseudoSerials.kernel : group.cell);

const waitingFrom = (from: number): Waiting => ({
  since: from,
  from,
  ranAs: undefined,
  unseen: new Map(),
  hasMoved: false,
  isBogus: false,
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
