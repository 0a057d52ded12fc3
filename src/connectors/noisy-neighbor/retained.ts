import type { UnixNanoseconds } from '../../telemetry/units.ts';
import { type Culprit, causeSet, culpritIn } from './blame.ts';
import type { WindowLosses } from './confidence.ts';
import { joined as joinedKept } from './joined.ts';
import {
  alone,
  at,
  figure,
  type Judged,
  type Kept,
  keep,
  observationOf,
  type Workload,
  type Worst,
  worstOf,
} from './kept.ts';
import type { Quota } from './quotas.ts';
import type { Observation, Window } from './window.ts';

/** One window, or those of a minute. */
interface Span {
  readonly start: number;
  readonly end: number;
  readonly seconds: number;
  readonly waits: number;
  readonly losses: WindowLosses;
  readonly quotas: ReadonlyMap<string, Quota>;
  readonly kept: Kept;
}

/** A workload over several windows, as if they were one. */
export interface Past {
  readonly observation: Observation;
  readonly windows: number;
  readonly affected: number;
  readonly worst: Worst | undefined;
  /** Unix time of its first and its last window in the time asked for, ms. */
  readonly start: number;
  readonly end: number;
  /** Windows in which it was there. */
  readonly seconds: number;
}

export interface PastSpans {
  /** All of it. */
  readonly seconds: number;
  readonly losses: WindowLosses;
  quotaOf(cgroup: string): Quota | undefined;
  past(key: string): Past | undefined;
  /** All that have part in it. */
  workloads(): readonly Observation[];
}

/** Older windows are kept together, a minute each, … */
const minute = 60_000;
/** … and no longer than that. */
const longest = 60 * minute;
/** Culprits of which one object is shared by the spans. */
const mostCulprits = 4096;

/** The newest windows, of which `earshot explain` tells: a bounded number of figures, the oldest are evicted first. */
export class Retained {
  readonly #most: number;
  readonly #onEvicted: (count: number) => void;
  /** In order of time. */
  #spans: Span[] = [];
  #count = 0;
  readonly #workloads = new Map<string, Workload>();
  readonly #culprits = new Map<string, Culprit>();

  constructor(most: number, onEvicted: (count: number) => void) {
    this.#most = most;
    this.#onEvicted = onEvicted;
  }

  /** Workloads and spans that are held. */
  get size(): number {
    return this.#count;
  }

  /** Begin of the oldest window, and end of the newest; undefined: there is none. */
  get held(): { readonly from: number; readonly to: number } | undefined {
    const [first] = this.#spans;
    const last = this.#spans.at(-1);
    return first && last && { from: first.start, to: last.end };
  }

  workloads(): Iterable<Readonly<Workload>> {
    return this.#workloads.values();
  }

  add(
    window: Window,
    {
      judged,
      losses,
      quotaOf,
    }: Pick<PastSpans, 'losses' | 'quotaOf'> & { readonly judged: readonly Judged[] },
  ): void {
    const [start, end] = [milliseconds(window.start), milliseconds(window.end)];
    const kept = keep(judged, {
      ...{ seconds: window.seconds, end },
      workloadOf: (victim) => this.#workloadOf(victim, end),
      shared: (culprit) => this.#shared(culprit),
    });
    const waits = judged.reduce((sum, { victim }) => sum + victim.waits, 0);
    const quotas = quotasOf(judged, quotaOf);
    this.#spans.push({ start, end, seconds: window.seconds, waits, losses, quotas, kept });
    this.#count += kept.workloads.length;
    this.#condense(end);
    this.#evict(end);
  }

  clear(): void {
    this.#spans = [];
    this.#count = 0;
    this.#workloads.clear();
    this.#culprits.clear();
  }

  /** End of the last window in which a workload was there, ms; undefined: none of it is held. */
  lastSeen(key: string): number | undefined {
    return this.#workloads.get(key)?.end;
  }

  /** The windows of the newest `since` ms before a time, to the nearest span, and the newest of them however long it is. */
  past(since: number, until = this.held?.to ?? 0): PastSpans {
    const before = this.#spans.filter(({ start }) => start < until);
    const spans = before.filter(
      (span, index) => index === before.length - 1 || (span.start + span.end) / 2 > until - since,
    );
    return {
      seconds: secondsOf(spans),
      losses: meanLosses(spans),
      quotaOf: (cgroup) => meanQuota(spans, cgroup),
      past: (key) => this.#pastOf(key, spans),
      workloads: () => workloadsOf(spans),
    };
  }

  /** The part of its runnable time that a workload waited in the newest minute. */
  waitShares(): ReadonlyMap<string, number> {
    const to = this.held?.to ?? 0;
    const sums = new Map<string, { run: number; wait: number }>();
    for (const { end, kept } of this.#spans)
      if (end > to - minute)
        for (const [row, { key }] of kept.workloads.entries()) {
          const sum = sums.get(key) ?? { run: 0, wait: 0 };
          sums.set(key, sum);
          sum.run += figure(kept, row, at.run);
          sum.wait += figure(kept, row, at.wait);
        }
    return new Map([...sums].map(([key, { run, wait }]) => [key, wait > 0 ? wait / (run + wait) : 0]));
  }

  #pastOf(key: string, spans: readonly Span[]): Past | undefined {
    const workload = this.#workloads.get(key);
    const there = spans.flatMap((span) => {
      const row = workload ? span.kept.workloads.indexOf(workload) : -1;
      return row < 0 ? [] : [{ ...span, kept: alone(span.kept, row) }];
    });
    const [first] = there;
    const last = there.at(-1);
    if (!workload || !first || !last) return undefined;
    const kept = there.map((span) => span.kept).reduce(joinedKept);
    const observation = observationOf(kept, 0);
    return (
      observation && {
        ...{ observation, worst: worstOf(kept, 0), seconds: figure(kept, 0, at.seconds) },
        ...{ windows: figure(kept, 0, at.windows), affected: figure(kept, 0, at.affected) },
        ...{ start: first.start, end: Math.min(last.end, workload.end) },
      }
    );
  }

  #workloadOf({ key, name, resource }: Observation, end: number): Workload {
    const known = this.#workloads.get(key);
    if (known) return Object.assign(known, { name, resource, end });
    const workload = { key, name, resource, end };
    this.#workloads.set(key, workload);
    return workload;
  }

  /** Spans hold on to one object of each culprit, not to one of each window. */
  #shared(culprit: Culprit): Culprit {
    const known = this.#culprits.get(culprit.cgroup);
    if (known?.name === culprit.name) return known;
    if (this.#culprits.size >= mostCulprits) this.#culprits.clear();
    this.#culprits.set(culprit.cgroup, culprit);
    return culprit;
  }

  /** Windows of one minute become one span, when the minute after it has passed, or when there are too many figures. */
  #condense(now: number): void {
    this.#join(now - minute);
    while (this.#count > this.#most && this.#join(now));
  }

  /** The first two spans of one minute that ended by then; false: there are none. */
  #join(by: number): boolean {
    const index = this.#spans.findIndex(({ end }, i) => i > 0 && end <= by && this.#isSameMinute(i - 1, end));
    const [into, from] = [this.#spans[index - 1], this.#spans[index]];
    if (!into || !from) return false;
    this.#count -= into.kept.workloads.length + from.kept.workloads.length;
    const span = joined(into, from);
    this.#count += span.kept.workloads.length;
    this.#spans.splice(index - 1, 2, span);
    return true;
  }

  #isSameMinute(index: number, end: number): boolean {
    const former = this.#spans[index];
    return former !== undefined && Math.ceil(former.end / minute) === Math.ceil(end / minute);
  }

  #evict(now: number): void {
    for (;;) {
      const [oldest] = this.#spans;
      if (!oldest || this.#spans.length === 1) return;
      const isOld = oldest.end <= now - longest;
      if (!isOld && this.#count <= this.#most) return;
      this.#spans.shift();
      this.#count -= oldest.kept.workloads.length;
      if (!isOld) this.#onEvicted(oldest.kept.workloads.length);
      for (const { key, end } of oldest.kept.workloads) if (end <= oldest.end) this.#workloads.delete(key);
    }
  }
}

const milliseconds = (time: UnixNanoseconds) => Number(time / 1_000_000n);

const throttled = causeSet('throttled', 'throttled_ancestor');

function quotasOf(judged: readonly Judged[], quotaOf: PastSpans['quotaOf']): ReadonlyMap<string, Quota> {
  const quotas = new Map<string, Quota>();
  for (const { victim } of judged) {
    const { rows, begin, end } = victim.blame;
    for (let row = begin; row < end; row++) {
      const culprit = throttled.has[rows.cause[row] ?? 0] ? culpritIn(rows, row) : undefined;
      const quota = culprit && quotaOf(culprit.cgroup);
      if (culprit && quota) quotas.set(culprit.cgroup, quota);
    }
  }
  return quotas;
}

function workloadsOf(spans: readonly Span[]): readonly Observation[] {
  const [first, ...others] = spans.map(({ kept }) => kept);
  if (!first) return [];
  const kept = others.reduce(joinedKept, first);
  return kept.workloads.flatMap((_, row) => observationOf(kept, row) ?? []);
}

function joined(a: Span, b: Span): Span {
  return {
    ...{ start: a.start, end: b.end, seconds: a.seconds + b.seconds, waits: a.waits + b.waits },
    kept: joinedKept(a.kept, b.kept),
    losses: meanLosses([a, b]),
    quotas: new Map(
      [...new Set([...a.quotas.keys(), ...b.quotas.keys()])].flatMap((cgroup) => {
        const quota = meanQuota([a, b], cgroup);
        return quota ? [[cgroup, quota] as const] : [];
      }),
    ),
  };
}

function meanLosses(spans: readonly Pick<Span, 'waits' | 'losses'>[]): WindowLosses {
  const waits = spans.reduce((sum, span) => sum + span.waits, 0);
  const mean = (loss: keyof WindowLosses) =>
    waits > 0 ? spans.reduce((sum, span) => sum + span.losses[loss] * span.waits, 0) / waits : 0;
  return { loss: mean('loss'), sampling: mean('sampling'), clock: mean('clock') };
}

const secondsOf = (spans: readonly Pick<Span, 'seconds'>[]) =>
  spans.reduce((sum, { seconds }) => sum + seconds, 0);

/** The newest limit, and the periods that ran out of all spans. */
function meanQuota(spans: readonly Pick<Span, 'seconds' | 'quotas'>[], cgroup: string): Quota | undefined {
  const newest = spans.findLast(({ quotas }) => quotas.has(cgroup))?.quotas.get(cgroup);
  const throttled = spans.reduce(
    (sum, span) => sum + (span.quotas.get(cgroup)?.throttledRate ?? 0) * span.seconds,
    0,
  );
  return newest && { ...newest, throttledRate: throttled / secondsOf(spans) };
}
