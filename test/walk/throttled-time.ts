import type { Cpu, Group } from './machine.ts';
import type { Kernel } from './truth.ts';

/** Time a group could not run on a CPU. */
export interface Interval {
  readonly start: number;
  end: number;
  /** Whose quota had run out; known once a thread of the group leaves the CPU for it. */
  throttler: bigint | undefined;
}

interface State {
  hasRunOut: boolean;
  /** Quotas that have run out from here to the root. */
  throttles: number;
  queued: number;
  readonly intervals: Interval[];
  /** Throttling began when no thread of the group ran: when, is only told later. */
  wasUnseen: boolean;
}

/** What a kernel knows of throttling, by group and CPU. */
export class ThrottledTime {
  readonly #kernel: Kernel;
  readonly #groups: readonly Group[];
  readonly #states = new Map<string, State>();

  constructor(kernel: Kernel, groups: readonly Group[]) {
    this.#kernel = kernel;
    this.#groups = groups;
  }

  hasRunOut(group: Group, cpu: Cpu): boolean {
    return this.#state(group, cpu.index).hasRunOut;
  }

  isThrottled(group: Group, cpu: Cpu): boolean {
    return this.#state(group, cpu.index).throttles > 0;
  }

  enqueue(group: Group, cpu: Cpu): void {
    for (const each of lineage(group)) {
      const state = this.#state(each, cpu.index);
      if (state.queued++ === 0 && state.throttles > 0 && this.#kernel === 'queues')
        this.#begin(state, cpu.clock);
    }
  }

  /** Before 6.18: how long the group was throttled so far is told when one of its threads gets the CPU; this one has it. */
  enterRunning(group: Group, cpu: Cpu): void {
    this.#state(group, cpu.index).wasUnseen = true;
  }

  dequeue(group: Group, cpu: number): void {
    for (const each of lineage(group)) this.#state(each, cpu).queued--;
  }

  throttle(group: Group, cpu: Cpu): void {
    this.#state(group, cpu.index).hasRunOut = true;
    for (const each of this.#subtree(group)) {
      const state = this.#state(each, cpu.index);
      if (state.throttles++ > 0) continue;
      if (this.#kernel === 'pelt' || (this.#kernel === 'queues' && state.queued > 0))
        this.#begin(state, cpu.clock);
    }
  }

  unthrottle(group: Group, cpu: Cpu): void {
    this.#state(group, cpu.index).hasRunOut = false;
    for (const each of this.#subtree(group)) {
      const state = this.#state(each, cpu.index);
      const last = state.intervals.at(-1);
      if (--state.throttles > 0 || last?.end !== Number.POSITIVE_INFINITY) continue;
      last.end = cpu.clock;
      if (last.throttler === undefined || last.end === last.start) state.wasUnseen = true;
    }
  }

  /** 6.18: a thread leaves the CPU because it is throttled. */
  throttleThread(group: Group, cpu: Cpu): Interval {
    for (const each of lineage(group)) {
      const state = this.#state(each, cpu.index);
      if (state.throttles > 0) this.#begin(state, cpu.clock);
    }
    return { start: cpu.clock, end: Number.POSITIVE_INFINITY, throttler: this.#throttlerOf(group, cpu) };
  }

  /** Before 6.18: a thread that could run on leaves the CPU while its group is throttled. */
  notice(group: Group, cpu: Cpu): void {
    const state = this.#state(group, cpu.index);
    const last = state.intervals.at(-1);
    if (!last || last.throttler !== undefined) return;
    last.throttler = this.#throttlerOf(group, cpu);
    if (this.#kernel === 'pelt' && last.start !== cpu.clock) state.wasUnseen = true;
  }

  /** How much of [from, to) the group could not run. */
  between(group: Group, cpu: Cpu, from: number, to: number): number {
    return this.cuts(group, cpu, from, to).cuts.reduce((sum, { start, end }) => sum + end - start, 0);
  }

  cuts(group: Group, cpu: Cpu, from: number, to: number): { cuts: readonly Interval[]; isCertain: boolean } {
    const { intervals, wasUnseen } = this.#state(group, cpu.index);
    const cuts = intervals
      .map((interval) => ({
        ...interval,
        start: Math.max(interval.start, from),
        end: Math.min(interval.end, to),
      }))
      .filter(({ start, end }) => end > start);
    const last = intervals.at(-1);
    return { cuts, isCertain: !wasUnseen && (!last || last.throttler !== undefined) };
  }

  #begin(state: State, start: number): void {
    if (state.intervals.at(-1)?.end === Number.POSITIVE_INFINITY) return;
    state.intervals.push({ start, end: Number.POSITIVE_INFINITY, throttler: undefined });
  }

  #throttlerOf(group: Group, cpu: Cpu): bigint | undefined {
    return lineage(group).find((each) => this.hasRunOut(each, cpu))?.who;
  }

  #subtree(group: Group): readonly Group[] {
    return this.#groups.filter((each) => lineage(each).includes(group));
  }

  #state(group: Group, cpu: number): State {
    const key = `${group.index}@${cpu}`;
    let found = this.#states.get(key);
    if (!found) {
      found = { hasRunOut: false, throttles: 0, queued: 0, intervals: [], wasUnseen: false };
      this.#states.set(key, found);
    }
    return found;
  }
}

/** The group and those above it. */
function lineage(group: Group): readonly Group[] {
  return group.parent ? [group, ...lineage(group.parent)] : [group];
}
