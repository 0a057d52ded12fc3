import type { Kernel } from './expected.ts';
import type { Cpu, Group } from './state.ts';

/** Time a group could not run on a CPU. */
export interface Interval {
  readonly start: number;
  end: number;
  /** Seen from here on: a thread of the group has left the CPU for it, or could be asked when it began. */
  seenFrom: number;
  /** End of the wait from which the program learns its whole length. */
  learntAt: number;
}

interface State {
  hasRunOut: boolean;
  /** Quotas that have run out from here to the root. */
  throttles: number;
  queued: number;
  readonly intervals: Interval[];
  /** Before 6.18: since when the programs know what is throttled, and whether it had been before. */
  known: { readonly since: number; readonly wasThrottled: boolean } | undefined;
  /** When its own quota was used up. */
  readonly exhausted: Span[];
  /** Before 6.18: when the programs last looked at it. */
  lookedAt: number;
  /** Between two looks at it more than one quota stopped it, or that of a level above more than once. */
  readonly unclear: Span[];
}

interface Span {
  readonly start: number;
  end: number;
}

/** Throttled time between two moments, by the group whose quota it is. */
export type Parts = ReadonlyMap<bigint, number>;

/** Quotas in one path that are distinguished; those above are merged with the last. */
export const quotaLevels = 3;

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

  dequeue(group: Group, cpu: number): void {
    for (const each of lineage(group)) this.#state(each, cpu).queued--;
  }

  throttle(group: Group, cpu: Cpu): void {
    const { exhausted } = this.#state(group, cpu.index);
    exhausted.push({ start: cpu.clock, end: Number.POSITIVE_INFINITY });
    this.#state(group, cpu.index).hasRunOut = true;
    for (const each of this.#subtree(group)) {
      const state = this.#state(each, cpu.index);
      if (state.throttles++ > 0) continue;
      if (this.#kernel === 'pelt' || (this.#kernel === 'queues' && state.queued > 0))
        this.#begin(state, cpu.clock);
    }
  }

  unthrottle(group: Group, cpu: Cpu): void {
    const own = this.#state(group, cpu.index);
    own.hasRunOut = false;
    const last = own.exhausted.at(-1);
    if (last) last.end = cpu.clock;
    for (const each of this.#subtree(group)) {
      const state = this.#state(each, cpu.index);
      const last = state.intervals.at(-1);
      if (--state.throttles === 0 && last?.end === Number.POSITIVE_INFINITY) last.end = cpu.clock;
    }
  }

  /** 6.18: a thread leaves the CPU because it is throttled. */
  throttleThread(group: Group, cpu: Cpu): void {
    for (const each of lineage(group)) {
      const state = this.#state(each, cpu.index);
      if (state.throttles > 0) this.#begin(state, cpu.clock);
    }
  }

  /** Before 6.18: a thread that could run on leaves the CPU while its group is throttled. */
  notice(group: Group, cpu: Cpu): void {
    const { intervals } = this.#counted(group, cpu.index);
    const last = intervals.at(-1);
    const before = intervals.at(-2);
    this.#remember(group, cpu, this.#kernel === 'pelt' ? cpu.clock : (last?.start ?? cpu.clock));
    if (!last || last.seenFrom <= cpu.clock) return;
    // It cannot be distinguished from one before it of which no time passed since that was seen.
    if (before && before.seenFrom === before.end) return;
    last.seenFrom = this.#kernel === 'pelt' ? cpu.clock : last.start;
  }

  /** Before 6.18: the group's own threads could not run, until now or ever before. */
  wasThrottled(group: Group, cpu: Cpu, to: number): boolean {
    return this.#state(group, cpu.index).intervals.some(({ start, end }) => start < Math.min(end, to));
  }

  /** Before 6.18: a wait for the CPU has ended, and how long its group was throttled until now is remembered. */
  learn(group: Group, cpu: Cpu): void {
    if (!this.wasThrottled(group, cpu, cpu.clock)) return;
    this.#remember(group, cpu, cpu.clock);
    for (const interval of this.#counted(group, cpu.index).intervals)
      if (interval.end <= cpu.clock) interval.learntAt = Math.min(interval.learntAt, cpu.clock);
  }

  /** Before 6.18: the group was throttled before anything was known of it, in this wait or before. */
  isUnknown(group: Group, cpu: Cpu, from: number, to: number): boolean {
    const { known } = this.#counted(group, cpu.index);
    if (!known) return this.between(group, cpu, 0, to) > 0;
    return known.wasThrottled && from < known.since;
  }

  /** Before 6.18: between two looks of the programs at the group, in a part of [from, to), several quotas stopped it. */
  isUnclear(group: Group, cpu: Cpu, from: number, to: number): boolean {
    const { lookedAt, unclear } = this.#counted(group, cpu.index);
    return (
      unclear.some(({ start, end }) => start < to && end > from) ||
      this.#wasStoppedBySeveral(group, cpu, Math.min(from, lookedAt), to)
    );
  }

  /** Before 6.18: an interval is over that no thread has shown yet, by leaving the CPU or by getting it. */
  isOver(group: Group, cpu: Cpu, to: number): boolean {
    const { intervals, lookedAt } = this.#counted(group, cpu.index);
    return intervals.some(({ start, end, seenFrom }) => start >= lookedAt && end <= to && seenFrom > to);
  }

  /** Before 6.18: it was stopped since the programs last looked at it, and a quota above has run out. */
  hasRunOutAbove(group: Group, cpu: Cpu, to: number): boolean {
    const { lookedAt } = this.#counted(group, cpu.index);
    return this.#stops(group, cpu, lookedAt, to).ofAbove > 0;
  }

  /** 6.18: how many intervals have begun since, and how long the group was throttled. */
  since(
    group: Group,
    cpu: Cpu,
    from: number,
    to: number,
  ): { readonly begun: number; readonly grown: number } {
    const begun = this.#counted(group, cpu.index).intervals.filter(({ start }) => start > from && start < to);
    return { begun: begun.length, grown: this.between(group, cpu, from, to) };
  }

  /** How much of [from, to) the group could not run. */
  between(group: Group, cpu: Cpu, from: number, to: number): number {
    return sumOf(this.#cut(group, cpu, from, to));
  }

  /** The same by whose quota it was: of a level what it could not run less what the level above could not. */
  parts(group: Group, cpu: Cpu, from: number, to: number): Parts {
    const levels = lineage(group)
      .filter(({ hasQuota }) => hasQuota)
      .slice(0, quotaLevels);
    const times = levels.map((level) => this.between(level, cpu, from, to));
    if (levels.length > 0) times[0] = this.between(group, cpu, from, to);
    return new Map(levels.map(({ serial }, i) => [serial, (times[i] ?? 0) - (times[i + 1] ?? 0)]));
  }

  /** For how long of [from, to) a level could not run that is above one which could. */
  stray(group: Group, cpu: Cpu, from: number, to: number): number {
    const levels = [group, ...lineage(group).filter(({ hasQuota }) => hasQuota)];
    let stray = 0;
    for (const [i, level] of levels.entries())
      for (const above of levels.slice(i + 1))
        for (const { start, end } of this.#cut(above, cpu, from, to))
          stray += end - start - this.between(level, cpu, start, end);
    return stray;
  }

  /** The throttled parts of a wait in which its group's threads are throttled together, and what is not known of them. */
  cuts(
    group: Group,
    cpu: Cpu,
    from: number,
    to: number,
  ): {
    readonly cuts: readonly Interval[];
    readonly unseen: ReadonlyMap<Interval, number>;
    readonly isBegun: boolean;
  } {
    const { intervals } = this.#counted(group, cpu.index);
    const unseen = intervals
      .filter(({ start, learntAt }) => start < to && learntAt > from)
      .map((each) => [each, Math.min(each.end, to, each.seenFrom) - each.start] as const)
      .filter(([, ns]) => ns > 0);
    const isBegun = intervals.some(({ start, end }) => start < from && end > from);
    return { cuts: this.#cut(group, cpu, from, to), unseen: new Map(unseen), isBegun };
  }

  #cut(group: Group, cpu: Cpu, from: number, to: number): readonly Interval[] {
    return this.#counted(group, cpu.index)
      .intervals.map((interval) => ({
        ...interval,
        start: Math.max(interval.start, from),
        end: Math.min(interval.end, to),
      }))
      .filter(({ start, end }) => end > start);
  }

  /** Several quotas, or one above the nearest several times; or one that is merged with others. */
  #wasStoppedBySeveral(group: Group, cpu: Cpu, from: number, to: number): boolean {
    const { ofOwn, ofAbove } = this.#stops(group, cpu, from, to);
    const isMerged = lineage(group).filter(({ hasQuota }) => hasQuota).length > quotaLevels;
    return ofAbove > 0 && (isMerged || ofAbove + ofOwn > 1);
  }

  /** How often quotas ran out while it was stopped at all; what of the nearest goes on since the last look is known. */
  #stops(
    group: Group,
    cpu: Cpu,
    from: number,
    to: number,
  ): { readonly ofOwn: number; readonly ofAbove: number } {
    const [own, ...above] = lineage(group).filter(({ hasQuota }) => hasQuota);
    if (!own || this.between(group, cpu, from, to) === 0) return { ofOwn: 0, ofAbove: 0 };
    const of = (level: Group) =>
      this.#state(level, cpu.index).exhausted.filter((span) => overlap(span, { start: from, end: to }));
    return {
      ofOwn: of(own).filter(({ start }) => start > from).length,
      ofAbove: above.flatMap(of).length,
    };
  }

  #remember(group: Group, cpu: Cpu, since: number): void {
    const state = this.#counted(group, cpu.index);
    if (this.#wasStoppedBySeveral(group, cpu, state.lookedAt, cpu.clock))
      state.unclear.push({ start: state.lookedAt, end: cpu.clock });
    state.lookedAt = cpu.clock;
    state.known ??= { since, wasThrottled: this.between(group, cpu, 0, since) > 0 };
  }

  #begin(state: State, start: number): void {
    if (state.intervals.at(-1)?.end === Number.POSITIVE_INFINITY) return;
    const never = Number.POSITIVE_INFINITY;
    state.intervals.push({ start, end: never, seenFrom: never, learntAt: never });
  }

  #subtree(group: Group): readonly Group[] {
    return this.#groups.filter((each) => lineage(each).includes(group));
  }

  /**
   * Whose intervals are those of a group's threads: before 6.18 those of the nearest with a quota, which stops
   * all below it together, also a thread that moves among them.
   */
  #counted(group: Group, cpu: number): State {
    const nearest = this.#kernel === 'tasks' ? group : lineage(group).find(({ hasQuota }) => hasQuota);
    return this.#state(nearest ?? group, cpu);
  }

  #state(group: Group, cpu: number): State {
    const key = `${group.index}@${cpu}`;
    let found = this.#states.get(key);
    if (!found) {
      found = {
        hasRunOut: false,
        throttles: 0,
        queued: 0,
        intervals: [],
        exhausted: [],
        known: undefined,
        lookedAt: 0,
        unclear: [],
      };
      this.#states.set(key, found);
    }
    return found;
  }
}

const overlap = (a: Span, b: Span): boolean => a.start < b.end && b.start < a.end;

/** The group and those above it. */
export function lineage(group: Group): readonly Group[] {
  return group.parent ? [group, ...lineage(group.parent)] : [group];
}

const sumOf = (intervals: readonly Interval[]): number =>
  intervals.reduce((sum, { start, end }) => sum + end - start, 0);
