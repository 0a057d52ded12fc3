import type { PerfEvent } from './events.ts';
import { idle, type Party, type Threads } from './threads.ts';

/** Waits and runs of a cgroup as perf's events have them. Times in ns. */
export interface Replayed {
  wait: number;
  waits: number;
  run: number;
  /** Time of the waits during which each party had the CPU; with `throttled` the parts sum to `wait`. */
  readonly by: Map<Party, number>;
  throttled: number;
  /** Threads that got a CPU and were not seen to become runnable: these waits are missing. */
  unbegun: number;
}

/** What would make the recording a bad witness, counted. */
export interface Doubts {
  /** Switches without a tracepoint, taken from perf's own record instead. */
  untraced: number;
  /** Switches of which perf has only that the next thread got the CPU: that the former could run on is not known. */
  unseen: number;
  /** A thread leaves a CPU which did not have it. */
  gaps: number;
  /** Both records of a switch are there and differ in whether the thread could run on. */
  contradictions: number;
}

interface Segment {
  readonly from: number;
  readonly to: number;
  readonly party: Party;
}

interface Wait {
  cpu: number;
  /** Up to here its time is in `segments`. */
  at: number;
  /** Pushed off a CPU, or its quota ran out; otherwise it was woken. */
  readonly isPushedOff: boolean;
  readonly segments: Segment[];
}

interface Cpu {
  /** undefined: it has not switched yet. */
  thread: number | undefined;
  since: number;
  /** What the tracepoint of a switch said, until perf's own record of it follows. */
  traced: { readonly isPrevRunnable: boolean } | undefined;
  /** perf begins with its own records, the tracepoints follow. */
  hasTracepoints: boolean;
  readonly waiting: Set<Wait>;
}

/** Several slices of any other thread; ns. */
const longWait = 10e6;

type Switch = Omit<PerfEvent & { readonly kind: 'switch' }, 'kind'>;

/** Goes through the events forwards: each slice that ends is added to all waits for that CPU. */
export class Replay {
  readonly cgroups = new Map<Party, Replayed>();
  readonly doubts: Doubts = { untraced: 0, unseen: 0, gaps: 0, contradictions: 0 };
  readonly #threads: Threads;
  /** The one cgroup whose quota runs out, of by far the largest weight. */
  readonly #limited: Party | undefined;
  readonly #cpus = new Map<number, Cpu>();
  readonly #waits = new Map<number, Wait>();
  readonly #refills: number[] = [];
  readonly #timers = new Set<string>();

  constructor(threads: Threads, { limited }: { readonly limited?: Party | undefined } = {}) {
    this.#threads = threads;
    this.#limited = limited;
  }

  /** Events in order of their time. */
  add(event: PerfEvent): void {
    switch (event.kind) {
      case 'switch':
        Object.assign(this.#cpu(event.cpu), { traced: event, hasTracepoints: true });
        this.#switch(event);
        break;
      case 'switched_out':
        this.#confirm(event);
        break;
      case 'switched_in':
        this.#arrive(event);
        break;
      case 'wakeup':
        this.#wake(event);
        break;
      case 'migrate':
        this.#migrate(event);
        break;
      case 'fork':
        this.#threads.fork(event.parent, event.child);
        break;
      case 'attach':
        this.#threads.attach(event.hierarchy, event.path, event.thread);
        break;
      case 'quota_refill':
        this.#refill(event);
    }
  }

  #confirm(event: PerfEvent & { readonly kind: 'switched_out' }): void {
    const cpu = this.#cpu(event.cpu);
    if (cpu.traced) {
      if (cpu.traced.isPrevRunnable !== event.isPrevRunnable) this.doubts.contradictions++;
      cpu.traced = undefined;
    } else if (cpu.thread !== undefined) {
      if (cpu.hasTracepoints) this.doubts.untraced++;
      this.#switch({ ...event, prev: cpu.thread });
    }
  }

  /** The last word on who has the CPU: one kernel leaves out a switch's tracepoint and even the record of what it ends. */
  #arrive({ cpu: number, time, prev, next }: PerfEvent & { readonly kind: 'switched_in' }): void {
    const cpu = this.#cpu(number);
    cpu.traced = undefined;
    if (cpu.thread === next || next < 0) return;
    this.doubts.unseen++;
    this.#switch({ cpu: number, time, prev: cpu.thread ?? prev, next, isPrevRunnable: false });
  }

  #switch({ cpu: number, time, prev, next, isPrevRunnable }: Switch): void {
    const cpu = this.#cpu(number);
    const party = this.#threads.party(prev);
    for (const wait of cpu.waiting) extend(wait, time, party);
    if (cpu.thread !== undefined) this.#of(party).run += time - cpu.since;
    if (cpu.thread !== undefined && cpu.thread !== prev) this.doubts.gaps++;
    if (prev !== 0 && isPrevRunnable) this.#begin(prev, { cpu: number, at: time, isPushedOff: true });
    cpu.thread = next;
    cpu.since = time;
    if (next !== 0) this.#end(next, time);
  }

  /** A thread that runs may be woken too, and so may one that waits already. */
  #wake({ thread, on, time }: PerfEvent & { readonly kind: 'wakeup' }): void {
    if (this.#waits.has(thread)) return;
    for (const cpu of this.#cpus.values()) if (cpu.thread === thread) return;
    this.#begin(thread, { cpu: on, at: time, isPushedOff: false });
  }

  #migrate({ thread, to, time }: PerfEvent & { readonly kind: 'migrate' }): void {
    const wait = this.#waits.get(thread);
    if (!wait) return;
    const from = this.#cpu(wait.cpu);
    if (from.thread !== undefined) extend(wait, time, this.#threads.party(from.thread));
    from.waiting.delete(wait);
    wait.at = time;
    wait.cpu = to;
    this.#cpu(to).waiting.add(wait);
  }

  #refill({ time, timer }: PerfEvent & { readonly kind: 'quota_refill' }): void {
    this.#refills.push(time);
    this.#timers.add(timer);
    if (this.#limited !== undefined && this.#timers.size > 1)
      throw new Error('cannot tell whose quota is refilled: other cgroups of this machine have one too');
  }

  #begin(thread: number, begin: Omit<Wait, 'segments'>): void {
    const wait = { ...begin, segments: [] };
    this.#waits.set(thread, wait);
    this.#cpu(begin.cpu).waiting.add(wait);
  }

  #end(thread: number, time: number): void {
    const wait = this.#waits.get(thread);
    const party = this.#threads.party(thread);
    const of = this.#of(party);
    if (!wait) {
      of.unbegun++;
      return;
    }
    this.#waits.delete(thread);
    this.#cpu(wait.cpu).waiting.delete(wait);
    of.waits++;
    const released = party === this.#limited && wait.isPushedOff ? this.#released(wait, time) : 0;
    for (const { from, to, party } of wait.segments) {
      const throttled = Math.min(to, Math.max(from, released)) - from;
      of.wait += to - from;
      of.throttled += throttled;
      const ran = to - from - throttled;
      if (ran > 0) of.by.set(party, (of.by.get(party) ?? 0) + ran);
    }
  }

  /**
   * Until when a thread was throttled; 0: it was not. No tracepoint says it, but a CPU is idle beside a thread that was
   * pushed off it only while the thread's quota is spent, from when it was pushed off until a refill. On a CPU that is
   * never idle, a thread of by far the largest weight waits long only for a refill.
   */
  #released({ segments }: Wait, end: number): number {
    const last = segments.findLast(({ party }) => party === idle);
    if (!last) {
      const before = segments[0]?.from ?? end;
      return this.#refills.findLast((time) => time <= end && time >= before + longWait) ?? 0;
    }
    // The refill that lets it run on an idle CPU lies in that time, any other behind it.
    const refill =
      last.to === end
        ? this.#refills.findLast((time) => time <= end)
        : this.#refills.find((time) => time > last.to && time <= end);
    return Math.max(refill ?? end, last.from);
  }

  #cpu(number: number): Cpu {
    let cpu = this.#cpus.get(number);
    if (!cpu) {
      cpu = { thread: undefined, since: 0, traced: undefined, hasTracepoints: false, waiting: new Set() };
      this.#cpus.set(number, cpu);
    }
    return cpu;
  }

  #of(party: Party): Replayed {
    let of = this.cgroups.get(party);
    if (!of) {
      of = { wait: 0, waits: 0, run: 0, by: new Map(), throttled: 0, unbegun: 0 };
      this.cgroups.set(party, of);
    }
    return of;
  }
}

function extend(wait: Wait, to: number, party: Party): void {
  if (to > wait.at) wait.segments.push({ from: wait.at, to, party });
  wait.at = to;
}
