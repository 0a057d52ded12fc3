import { pseudoSerials } from '../../src/receivers/scheduler/abi.ts';
import type { Command, Setup } from './command.ts';
import type { Class, Expected, ExpectedPair, ExpectedWait, Kernel } from './expected.ts';
import { ExpectedTotals } from './expected-totals.ts';
import { Sleepers } from './sleepers.ts';
import type { Cpu, Group, Thread } from './state.ts';
import { lineage, ThrottledTime } from './throttled-time.ts';
import { constant, type Own, Timeline } from './timeline.ts';

import { type Waiting, waitingFrom } from './waiting.ts';

const intervals = constant('INTERVALS');
const never = Number.POSITIVE_INFINITY;

/** What had been charged when the waits in progress were. */
export interface Progress {
  /** `wait` by cell, waits in progress included. */
  readonly waits: ReadonlyMap<bigint, number>;
}

/** Replays a schedule by brute force: every slice of every CPU is kept, every wait cut along all of them. */
export class Truth {
  readonly #totals = new ExpectedTotals();
  readonly cells: ReadonlyMap<bigint, Expected> = this.#totals.cells;
  readonly pairs: ReadonlyMap<string, ExpectedPair> = this.#totals.pairs;
  readonly waits: ExpectedWait[] = [];
  readonly progress: Progress[] = [];
  /** Waits with a wrong stamp: not counted, and counted from when they were found awake. */
  bogus = 0;
  late = 0;
  /** Switches whose tracepoint was not called. */
  missed = 0;
  /** Times part of a wait was charged to several together. */
  unnamedShared = 0;
  readonly #kernel: Kernel;
  readonly #throttlesRunning: boolean;
  readonly #timelines: readonly Timeline[];
  readonly #throttled: ThrottledTime;
  readonly #waiting = new Map<Thread, Waiting>();
  readonly #sleepers = new Sleepers();
  /** Threads the programs know. */
  readonly #known = new Set<Thread>();
  readonly #arrivals = new Map<Thread, number>();
  /** Since when the programs are wrong about the cgroup on a CPU. */
  readonly #missedSince = new Map<Timeline, number>();

  constructor({ kernel, throttlesRunning = false }: Setup, cpus: readonly Cpu[], groups: readonly Group[]) {
    this.#kernel = kernel;
    this.#throttlesRunning = throttlesRunning;
    this.#throttled = new ThrottledTime(kernel, groups);
    this.#timelines = cpus.map(() => new Timeline());
  }

  isKnown(thread: Thread): boolean {
    return this.#known.has(thread);
  }

  lastSwitch(cpu: Cpu): number {
    return this.#timelineOf(cpu).at;
  }

  hasMissed(cpu: Cpu): boolean {
    return this.#missedSince.has(this.#timelineOf(cpu));
  }

  /** `hasMoved`: it slept on another CPU. */
  wake(
    thread: Thread,
    cpu: Cpu,
    { wasQueued, hasMoved }: { readonly wasQueued: boolean; readonly hasMoved: boolean },
  ): void {
    if (!wasQueued) this.#throttled.enqueue(thread.group, cpu);
    const waiting = this.#waiting.get(thread);
    if (!waiting) this.#waiting.set(thread, waitingFrom(cpu.clock));
    else if (hasMoved) this.#sleepers.add(cpu, thread);
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
      runsOut,
    }: {
      prev: Thread | undefined;
      next: Thread | undefined;
      fate: Command['fate'];
      isTraced: boolean;
      runsOut: Group | undefined;
    },
  ): void {
    if (isTraced) this.#findAwake(cpu);
    const timeline = this.#timelineOf(cpu);
    const nextSerial = next ? serialOf(next) : pseudoSerials.idle;
    const prevSerial = prev ? serialOf(prev) : pseudoSerials.idle;
    const ran = timeline.end(cpu.clock, cpu.stolen, prevSerial);
    if (prevSerial !== pseudoSerials.idle && ran > 0)
      this.#totals.cell(prev ? cellOf(prev) : prevSerial).run += ran;
    timeline.running = nextSerial;
    if (isTraced) {
      this.#missedSince.delete(timeline);
    } else {
      this.#missedSince.set(timeline, cpu.clock);
      if (next) this.missed++;
    }
    if (prev) this.#leaveCpu(prev, { cpu, fate, nextSerial, isTraced, runsOut });
    if (next) this.#endWait(next, cpu, isTraced);
  }

  migrate(thread: Thread, { source, target }: { source: Cpu; target: Cpu }): void {
    const waiting = this.#waiting.get(thread);
    const isSleeper = thread.state === 'left_queued';
    this.#throttled.dequeue(thread.group, source.index);
    this.#known.add(thread);
    if (isSleeper) {
      this.#waiting.set(thread, { ...waitingFrom(target.clock), isBogus: true });
      this.#sleepers.add(target, thread);
    } else if (waiting?.isBogus) {
      this.#waiting.set(thread, { ...waitingFrom(target.clock), migrated: true });
      this.bogus++;
    } else if (waiting && source.clock > waiting.since) {
      this.#charge(thread, waiting, source);
      this.#learn(thread, source);
      waiting.migrated = true;
    }
    if (waiting?.isLate && !isSleeper) {
      this.late++;
      waiting.isLate = false;
    }
    if (waiting?.mark?.until === never)
      waiting.mark = { group: thread.group, from: target.clock, until: never, isKnown: false };
    else if (waiting) waiting.mark = undefined;
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
    if (waiting?.mark) {
      waiting.mark.isKnown = false;
      waiting.mark.hasReturned = group === waiting.mark.group;
    }
    this.#throttled.dequeue(thread.group, cpu.index);
    this.#throttled.enqueue(group, cpu);
  }

  /** The iterator visits all threads; once more, if it visited one for the first time. */
  iterate(threads: readonly Thread[], cpus: readonly Cpu[]): void {
    for (const thread of threads) this.#known.add(thread);
    this.visit(threads, cpus);
  }

  /** Waits that go on are charged until now, as far as their CPUs know of now; not of threads visited for the first time. */
  visit(threads: readonly Thread[], cpus: readonly Cpu[]): void {
    for (const thread of threads) {
      const waiting = this.#waiting.get(thread);
      const cpu = cpus[thread.cpu] as Cpu;
      const isNew = !this.#known.has(thread);
      this.#known.add(thread);
      if (isNew) continue;
      if (!waiting || waiting.isBogus || thread.state !== 'waiting') continue;
      const now = { ...cpu, clock: cpu.updated.clock, stolen: cpu.updated.stolen };
      if (now.clock <= waiting.from) continue;
      this.#charge(thread, waiting, now, true);
      waiting.from = now.clock;
    }
    this.progress.push({ waits: new Map(this.cells.entries().map(([cell, { wait }]) => [cell, wait])) });
  }

  /** 6.18: a throttled thread can run again, or is where it could. */
  release(thread: Thread, cpu: Cpu): void {
    const mark = this.#waiting.get(thread)?.mark;
    if (mark?.until === never) mark.until = cpu.clock;
  }

  throttle = (group: Group, cpu: Cpu): void => this.#throttled.throttle(group, cpu);
  unthrottle = (group: Group, cpu: Cpu): void => this.#throttled.unthrottle(group, cpu);
  hasRunOut = (group: Group, cpu: Cpu): boolean => this.#throttled.hasRunOut(group, cpu);
  isThrottled = (group: Group, cpu: Cpu): boolean => this.#throttled.isThrottled(group, cpu);

  /** The programs cannot know that a thread with a wrong stamp waits before their CPU switches. */
  #findAwake(cpu: Cpu): void {
    for (const thread of this.#sleepers.awake(cpu)) {
      const waiting = this.#waiting.get(thread);
      if (!waiting?.isBogus) continue;
      waiting.isBogus = false;
      waiting.since = cpu.clock;
      waiting.from = cpu.clock;
      waiting.isLate = true;
    }
  }

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
      runsOut,
    }: {
      cpu: Cpu;
      fate: Command['fate'];
      nextSerial: bigint;
      isTraced: boolean;
      runsOut: Group | undefined;
    },
  ): void {
    if (fate === 'sleeps' || fate === 'dies') this.#throttled.dequeue(prev.group, cpu.index);
    if (runsOut) this.#throttled.throttle(runsOut, cpu);
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
        waiting.mark = { group: prev.group, from: cpu.clock, until: never, isKnown: true };
        this.#known.add(prev);
      }
    } else if (!isTraced) {
      return;
    } else if (this.#kernel !== 'tasks' && !prev.isRealTime && this.#throttled.isThrottled(prev.group, cpu)) {
      this.#throttled.notice(prev.group, cpu);
    } else if (nextSerial === serialOf(prev)) {
      this.#totals.cell(cellOf(prev)).preemptedBySelf++;
    } else if (nextSerial === pseudoSerials.kernel) {
      this.#totals.cell(cellOf(prev)).preemptedByKernel++;
    } else if (nextSerial !== pseudoSerials.idle) {
      this.#totals.pair(cellOf(prev), nextSerial).preemptions++;
    }
  }

  #endWait(thread: Thread, cpu: Cpu, isTraced: boolean): void {
    const waiting = this.#waiting.get(thread);
    this.#waiting.delete(thread);
    if (waiting?.isBogus) this.bogus++;
    if (waiting?.isLate) this.late++;
    // The kernel no longer has its last slice before the wait when the switch is recovered.
    if (!isTraced) this.#arrivals.delete(thread);
    if (waiting && !waiting.isBogus) this.#charge(thread, waiting, cpu);
    if (isTraced) this.#known.add(thread);
    this.#arrivals.set(thread, cpu.clock);
    this.#learn(thread, cpu);
    if (!waiting || waiting.isBogus) return;
    const slot = thread.isKernel ? 0 : thread.group.slot;
    this.waits.push({ ...waiting, pid: thread.pid, cell: cellOf(thread), slot });
  }

  /** The programs look at the throttled time of its group, which is of no matter to a real-time thread. */
  #learn(thread: Thread, cpu: Cpu): void {
    if (!thread.isRealTime) this.#throttled.learn(thread.group, cpu);
  }

  /** What of a wait passed on this CPU and has not been charged. */
  #charge(thread: Thread, waiting: Waiting, cpu: Cpu, isGoingOn = false): void {
    const cell = this.#totals.cell(cellOf(thread));
    const to = cpu.clock;
    const from = waiting.from;
    let slack = 0;
    let blur = 0;
    let mayBeUnknown = false;
    const add = (name: Class, ns: number, culprit?: bigint) => {
      cell.classes[name] += ns;
      waiting.classes[name] += ns;
      if (culprit === undefined || ns === 0) return;
      this.#totals.pair(cellOf(thread), culprit)[name === 'throttled' ? 'throttled' : 'other'] += ns;
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
      const missedAt = this.#missedSince.get(timeline);
      if (missedAt !== undefined) slack += Math.max(0, end - Math.max(start, missedAt));
    };
    /** The same as passed in [start, end), or as much. */
    const addThrottled = (ns: number, start: number, end: number) => {
      add('throttled', ns);
      for (const [culprit, ns] of this.#throttled.parts(thread.group, cpu, start, end))
        if (ns > 0) this.#totals.pair(cellOf(thread), culprit).throttled += ns;
    };
    cell.wait += to - from;
    waiting.wait += to - from;
    if (this.#kernel === 'tasks') {
      const { mark } = waiting;
      let at = from;
      if (mark && mark.until > from) {
        at = Math.min(mark.until, to);
        addThrottled(at - from, from, at);
        blur += this.#throttled.stray(thread.group, cpu, mark.from, to);
      }
      if (mark) {
        const { begun, grown } = this.#throttled.since(thread.group, cpu, mark.from, to);
        mayBeUnknown = !mark.isKnown || begun >= intervals;
        // An interval of no length, or one that a stay elsewhere ended, is not distinguished from the next.
        if (mark.until === mark.from || mark.hasReturned) slack += grown;
        // Nothing tells that it was throttled elsewhere meanwhile.
        if (mark.hasReturned) slack += at - from;
        if (mark.until <= to) waiting.mark = undefined;
      }
      walk(at, to);
    } else if (
      !thread.isKernel &&
      !thread.isRealTime &&
      this.#throttled.wasThrottled(thread.group, cpu, to)
    ) {
      const { cuts, unseen, isBegun } = this.#throttled.cuts(thread.group, cpu, from, to);
      const levels = lineage(thread.group).filter(({ hasQuota }) => hasQuota).length;
      // A reading may note nothing, and comes before a look tells of throttling.
      const isUnnoted =
        isGoingOn &&
        (this.#throttled.isOver(thread.group, cpu, to) ||
          this.#throttled.hasRunOutAbove(thread.group, cpu, to));
      mayBeUnknown =
        cuts.length > intervals - 1 ||
        this.#throttled.isUnclear(thread.group, cpu, from, to) ||
        isUnnoted ||
        (!this.#throttlesRunning &&
          (unseen.size > 0 || this.#throttled.hasRunOutAbove(thread.group, cpu, to))) ||
        this.#throttled.isUnknown(thread.group, cpu, from, to);
      for (const [interval, all] of this.#throttlesRunning ? [] : unseen) {
        // Charged in pieces, it can be in the wrong place in two of them.
        const ns = waiting.pieces > 0 ? 2 * all : all;
        slack += Math.max(0, ns - (waiting.unseen.get(interval) ?? 0));
        waiting.unseen.set(interval, ns);
      }
      if (
        levels > 1 &&
        (this.#throttlesRunning ||
          (isBegun && waiting.from === waiting.since) ||
          unseen.size > 0 ||
          waiting.hasMoved)
      )
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
}

const serialOf = ({ isKernel, group }: Thread): bigint => (isKernel ? pseudoSerials.kernel : group.serial);
const cellOf = ({ isKernel, group }: Thread): bigint => (isKernel ? pseudoSerials.kernel : group.cell);
