import { readFileSync } from 'node:fs';
import { who } from '../../src/kernel/scheduler-abi.ts';
import type { Command, Cpu, Group, Thread } from './machine.ts';
import { type Interval, ThrottledTime } from './throttled-time.ts';

/**
 * How a kernel throttles: `tasks` one by one (6.18), whole `queues` with their wall time (6.6), whole queues with
 * the `pelt` clock (before).
 */
export type Kernel = 'tasks' | 'queues' | 'pelt';

const sources = ['history.bpf.h', 'throttle.bpf.h', 'scheduler.h']
  .map((name) => readFileSync(new URL(`../../bpf/${name}`, import.meta.url), 'utf8'))
  .join('');
const constant = (name: string): number => {
  const found = new RegExp(`^#define ${name}\\s+(\\d+)`, 'm').exec(sources)?.[1];
  if (found === undefined) throw new Error(`cannot compute expectations: no ${name} in bpf/`);
  return Number(found);
};
const fineSpan = constant('FINE_SPAN');
const coarseSpan = 16 * fineSpan;
const fineReach = (constant('FINE_EPOCHS') - 2) * fineSpan;
const coarseReach = (constant('COARSE_EPOCHS') - 2) * coarseSpan;
const shares = constant('SHARES');
const intervals = constant('INTERVALS');
const ringSlices = constant('RING_SLICES');

export type Class = 'self' | 'other' | 'kernel' | 'idle' | 'throttled' | 'stolen' | 'unknown';

/** What the waits of one cgroup must come to. */
export interface Expected {
  wait: number;
  run: number;
  readonly classes: Record<Class, number>;
  /** No class may be off by more: what is prorated, or cannot be known. */
  slack: number;
  /** Time may be `unknown` for want of names or depth. */
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
  readonly slack: number;
  readonly mayBeUnknown: boolean;
  readonly classes: Readonly<Record<Class, number>>;
  /** Time of each other cgroup. */
  readonly culprits: ReadonlyMap<bigint, number>;
  readonly migrated: boolean;
}

interface Slice {
  readonly start: number;
  end: number;
  readonly who: bigint;
  stolen: number;
  /** Slices with the same number are one in the ring. */
  readonly number: number;
}

interface Timeline {
  readonly slices: Slice[];
  /** Of the last switch. */
  at: number;
  stolen: number;
  running: bigint;
  /** Start and number of the newest slice of the ring. */
  ringStart: number;
  number: number;
}

/** A thread that is on a queue. */
interface Waiting {
  from: number;
  isBogus: boolean;
  mark: { readonly interval: Interval; readonly group: Group; readonly from: number } | undefined;
  wait: number;
  slack: number;
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

/** Replays a schedule by brute force: every slice of every CPU is kept, every wait cut along all of them. */
export class Truth {
  readonly cells = new Map<bigint, Expected>();
  readonly pairs = new Map<string, ExpectedPair>();
  readonly waits: ExpectedWait[] = [];
  bogus = 0;
  movedThrottled = 0;
  readonly #kernel: Kernel;
  readonly #timelines: readonly Timeline[];
  readonly #throttled: ThrottledTime;
  readonly #waiting = new Map<Thread, Waiting>();

  constructor(kernel: Kernel, cpus: readonly Cpu[], groups: readonly Group[]) {
    this.#kernel = kernel;
    this.#throttled = new ThrottledTime(kernel, groups);
    this.#timelines = cpus.map(() => ({
      slices: [],
      at: 0,
      stolen: 0,
      running: who.idle,
      ringStart: 0,
      number: 0,
    }));
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
    { prev, next, fate }: { prev: Thread | undefined; next: Thread | undefined; fate: Command['fate'] },
  ): void {
    const timeline = this.#timelineOf(cpu);
    const nextWho = next ? whoOf(next) : who.idle;
    this.#endSlice(timeline, cpu, prev ? whoOf(prev) : who.idle);
    timeline.running = nextWho;
    if (prev) this.#leaveCpu(prev, { cpu, fate, nextWho });
    if (next) this.#endWait(next, cpu);
  }

  migrate(thread: Thread, { source, target }: { source: Cpu; target: Cpu }): void {
    const waiting = this.#waiting.get(thread);
    const isSleeper = thread.state === 'left_queued';
    this.#throttled.dequeue(thread.group, source.index);
    if (isSleeper) {
      this.#waiting.set(thread, { ...waitingFrom(target.clock), isBogus: true });
    } else if (waiting && !waiting.isBogus && source.clock > waiting.from) {
      this.#charge(thread, waiting, source);
      waiting.migrated = true;
      waiting.mark = undefined;
    }
    if (waiting && !isSleeper) waiting.from = target.clock;
    this.#throttled.enqueue(thread.group, target);
  }

  move(thread: Thread, group: Group, cpu: Cpu): void {
    if (thread.state === 'asleep') return;
    this.#throttled.dequeue(thread.group, cpu.index);
    this.#throttled.enqueue(group, cpu);
    if (thread.state === 'running') this.#throttled.enterRunning(group, cpu);
  }

  throttle = (group: Group, cpu: Cpu): void => this.#throttled.throttle(group, cpu);
  unthrottle = (group: Group, cpu: Cpu): void => this.#throttled.unthrottle(group, cpu);
  hasRunOut = (group: Group, cpu: Cpu): boolean => this.#throttled.hasRunOut(group, cpu);
  isThrottled = (group: Group, cpu: Cpu): boolean => this.#throttled.isThrottled(group, cpu);

  #timelineOf(cpu: Cpu): Timeline {
    return this.#timelines[cpu.index] as Timeline;
  }

  #endSlice(timeline: Timeline, cpu: Cpu, whoRan: bigint): void {
    const newest = timeline.slices.at(-1);
    if (newest?.who !== whoRan || cpu.clock - timeline.ringStart > fineSpan) {
      timeline.number++;
      timeline.ringStart = timeline.at;
    }
    if (timeline.at > 0) {
      const stolen = cpu.stolen - timeline.stolen;
      timeline.slices.push({
        start: timeline.at,
        end: cpu.clock,
        who: whoRan,
        stolen,
        number: timeline.number,
      });
      if (whoRan !== who.idle) this.#cell(whoRan).run += cpu.clock - timeline.at - stolen;
    }
    timeline.at = cpu.clock;
    timeline.stolen = cpu.stolen;
  }

  #leaveCpu(
    prev: Thread,
    { cpu, fate, nextWho }: { cpu: Cpu; fate: Command['fate']; nextWho: bigint },
  ): void {
    if (fate === 'sleeps' || fate === 'dies') this.#throttled.dequeue(prev.group, cpu.index);
    if (fate === 'sleeps' || fate === 'dies' || fate === 'left_queued') return;
    const waiting = waitingFrom(cpu.clock);
    this.#waiting.set(prev, waiting);
    if (fate === 'throttled') {
      const interval = this.#throttled.throttleThread(prev.group, cpu);
      waiting.mark = { interval, group: prev.group, from: cpu.clock };
    } else if (this.#kernel !== 'tasks' && this.#throttled.isThrottled(prev.group, cpu)) {
      this.#throttled.notice(prev.group, cpu);
    } else if (nextWho === whoOf(prev)) {
      this.#cell(cellOf(prev)).preemptedBySelf++;
    } else if (nextWho === who.kernel) {
      this.#cell(cellOf(prev)).preemptedByKernel++;
    } else if (nextWho !== who.idle) {
      this.#pair(cellOf(prev), nextWho).preemptions++;
    }
  }

  #endWait(thread: Thread, cpu: Cpu): void {
    const waiting = this.#waiting.get(thread);
    this.#waiting.delete(thread);
    if (!waiting) return;
    if (waiting.isBogus) {
      this.bogus++;
      return;
    }
    this.#charge(thread, waiting, cpu);
    const slot = thread.isKernel ? 0 : thread.group.slot;
    this.waits.push({ ...waiting, pid: thread.pid, cell: cellOf(thread), slot });
  }

  /** What of a wait passed on this CPU. */
  #charge(thread: Thread, waiting: Waiting, cpu: Cpu): void {
    const cell = this.#cell(cellOf(thread));
    const to = cpu.clock;
    const from = waiting.from;
    let slack = 0;
    let mayBeUnknown = false;
    const add = (name: Class, ns: number, culprit?: bigint) => {
      cell.classes[name] += ns;
      waiting.classes[name] += ns;
      if (culprit === undefined || ns === 0) return;
      this.#pair(cellOf(thread), culprit)[name === 'throttled' ? 'throttled' : 'other'] += ns;
      if (name === 'other') waiting.culprits.set(culprit, (waiting.culprits.get(culprit) ?? 0) + ns);
    };
    const addWho = (whoRan: bigint, ns: number) => {
      if (whoRan === whoOf(thread)) add('self', ns);
      else if (whoRan === who.idle) add('idle', ns);
      else if (whoRan === who.kernel) add('kernel', ns);
      else add('other', ns, whoRan);
    };
    const walk = (start: number, end: number) => {
      if (start >= end) return;
      const judged = this.#walk(this.#timelineOf(cpu), start, end, { addWho, add });
      slack += judged.slack;
      mayBeUnknown ||= judged.mayBeUnknown;
    };
    cell.wait += to - from;
    waiting.wait += to - from;
    if (this.#kernel === 'tasks' && waiting.mark) {
      const { group, interval, from: marked } = waiting.mark;
      if (group !== thread.group) this.movedThrottled++;
      const grown = group === thread.group ? this.#throttled.between(group, cpu, marked, to) : 0;
      const throttled = Math.min(grown, to - from);
      add('throttled', throttled, interval.throttler);
      walk(from + throttled, to);
    } else if (this.#kernel !== 'tasks' && !thread.isKernel) {
      const { cuts, isCertain } = this.#throttled.cuts(thread.group, cpu, from, to);
      if (!isCertain || cuts.length > intervals - 1) {
        slack += to - from;
        mayBeUnknown = true;
      }
      let at = from;
      for (const { start, end, throttler } of cuts) {
        walk(at, start);
        add('throttled', end - start, throttler);
        at = end;
      }
      walk(at, to);
    } else {
      walk(from, to);
    }
    for (const sum of [cell, waiting]) {
      sum.slack += slack;
      sum.mayBeUnknown ||= mayBeUnknown;
    }
  }

  /** Adds up who ran on a CPU in [start, end), and says how well that can be known. */
  #walk(
    timeline: Timeline,
    start: number,
    end: number,
    { addWho, add }: { addWho(whoRan: bigint, ns: number): void; add(name: Class, ns: number): void },
  ): { slack: number; mayBeUnknown: boolean } {
    if (end > timeline.at) addWho(timeline.running, end - Math.max(start, timeline.at));
    let known = Math.min(end, timeline.at);
    let slack = 0;
    let oldest: Slice | undefined;
    const parties = new Set<bigint>();
    const epoch = end - start < fineReach ? fineSpan : coarseSpan + fineSpan;
    for (const slice of timeline.slices.toReversed()) {
      if (slice.end <= start - 2 * epoch) break;
      parties.add(slice.who);
      const overlap = Math.min(slice.end, known) - Math.max(slice.start, start);
      if (overlap <= 0) continue;
      const length = slice.end - slice.start;
      const stolen = overlap === length ? slice.stolen : Math.floor((slice.stolen * overlap) / length);
      addWho(slice.who, overlap - stolen);
      add('stolen', stolen);
      known = Math.max(slice.start, start);
      oldest = slice;
    }
    if (known > start && end > start) add('unknown', known - start);
    if (!oldest) return { slack: 0, mayBeUnknown: false };
    if (timeline.number - oldest.number < ringSlices - 1) {
      // Where in a slice time was stolen nobody knows.
      for (const { number, stolen } of timeline.slices) if (number === oldest.number) slack += stolen;
      const cut = timeline.slices.some(({ start: from, number }) => number === oldest.number && from < start);
      const last = timeline.slices.findLast(({ start: from }) => from < end);
      for (const { number, stolen } of timeline.slices)
        if (end < timeline.at && number === last?.number) slack += stolen;
      return { slack: cut || end < timeline.at ? slack : 0, mayBeUnknown: false };
    }
    return {
      slack: epoch + (end < timeline.at ? epoch : 0),
      mayBeUnknown: parties.size > shares || end - start >= coarseReach,
    };
  }

  #cell(cell: bigint): Expected {
    const found = this.cells.get(cell) ?? {
      wait: 0,
      run: 0,
      classes: noTime(),
      slack: 0,
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

const whoOf = ({ isKernel, group }: Thread): bigint => (isKernel ? who.kernel : group.who);
const cellOf = ({ isKernel, group }: Thread): bigint => (isKernel ? who.kernel : group.cell);

const waitingFrom = (from: number): Waiting => ({
  from,
  isBogus: false,
  mark: undefined,
  wait: 0,
  slack: 0,
  mayBeUnknown: false,
  classes: noTime(),
  culprits: new Map(),
  migrated: false,
});
