import type { LossLedger } from '../../telemetry/losses.ts';
import { type Nanoseconds, nanoseconds } from '../../telemetry/units.ts';
import type { CgroupReading, PairReading, Waiter } from './source.ts';
import type { Steps } from './steps.ts';
import { groupByVictim, pairsAtOnce } from './victims.ts';

/** Of one victim: what its pairs have had and its totals have not yet, by culprit. */
interface Surplus {
  readonly other: ReadonlyMap<PairReading['culprit'], number>;
  readonly throttled: ReadonlyMap<PairReading['culprit'], number>;
  /** Readings in which nothing of it was made good. */
  readonly idle: number;
}

/** What is left by then is the error of sampling. */
const readingsToForget = 2;

type Part = 'other' | 'throttled';

interface Totals {
  readonly cgroups: readonly CgroupReading[];
  readonly otherWhole: ReadonlyMap<Waiter, number>;
}

/**
 * Pairs are copied a little after the totals of their victims, and on a busy machine that may be long: what they have
 * above the totals belongs to the next reading, and is reported then.
 */
export class PairSurplus {
  #carried = new Map<Waiter, Surplus>();
  readonly #losses: LossLedger;

  constructor(losses: LossLedger) {
    this.#losses = losses;
  }

  /** The pairs of a reading as they belong to its totals. `otherWhole` is `other` where a part of it was stolen. */
  *carryOver(pairs: readonly PairReading[], { cgroups, otherWhole }: Totals): Steps<readonly PairReading[]> {
    const totals = new Map(cgroups.map(({ cgroup, classes }) => [cgroup, classes]));
    const byVictim = yield* groupByVictim(pairs);
    const carried = new Map<Waiter, Surplus>();
    const kept: PairReading[] = [];
    let done = 0;
    for (const victim of new Set([...byVictim.keys(), ...this.#carried.keys()])) {
      const before = this.#carried.get(victim);
      const reported = byVictim.get(victim) ?? [];
      if (done >= pairsAtOnce) {
        yield;
        done = 0;
      }
      done += 1 + reported.length;
      const all = before ? withCarried(victim, reported, before) : reported;
      const classes = totals.get(victim);
      const other = divide(all, 'other', nanoseconds(otherWhole.get(victim) ?? classes?.other ?? 0));
      const throttled = divide(all, 'throttled', classes?.throttled ?? nanoseconds(0));
      if (!before && !other.later.size && !throttled.later.size) {
        for (const pair of all) kept.push(pair);
        continue;
      }
      for (const [i, pair] of all.entries()) {
        const one = {
          ...pair,
          other: other.now[i] ?? pair.other,
          throttled: throttled.now[i] ?? pair.throttled,
        };
        if (one.other || one.throttled || one.last || one.preemptions) kept.push(one);
      }
      const idle = reported.length > 0 || !before ? 0 : before.idle + 1;
      const left = other.later.size + throttled.later.size;
      if (idle >= readingsToForget) this.#losses.add('pair_surplus', left);
      else if (left > 0) carried.set(victim, { other: other.later, throttled: throttled.later, idle });
    }
    this.#carried = carried;
    return kept;
  }
}

function withCarried(victim: Waiter, reported: readonly PairReading[], before: Surplus): PairReading[] {
  const all = new Map<PairReading['culprit'], PairReading>();
  const add = (pair: PairReading) => all.set(pair.culprit, sumOf(all.get(pair.culprit), pair));
  for (const pair of reported) add(pair);
  const nothing = nanoseconds(0);
  for (const culprit of new Set([...before.other.keys(), ...before.throttled.keys()]))
    add({
      ...{ victim, culprit, preemptions: 0, last: nothing },
      other: nanoseconds(before.other.get(culprit) ?? 0),
      throttled: nanoseconds(before.throttled.get(culprit) ?? 0),
    });
  return [...all.values()];
}

function sumOf(a: PairReading | undefined, b: PairReading): PairReading {
  if (!a) return b;
  return {
    ...b,
    other: nanoseconds(a.other + b.other),
    throttled: nanoseconds(a.throttled + b.throttled),
    last: nanoseconds(a.last + b.last),
    preemptions: a.preemptions + b.preemptions,
  };
}

/** Each pair's part of `total` now, and the rest of it later; all of it now where the total has room. */
function divide(pairs: readonly PairReading[], part: Part, total: Nanoseconds) {
  const sum = pairs.reduce((all, pair) => all + pair[part], 0);
  const later = new Map<PairReading['culprit'], number>();
  if (sum <= total) return { now: pairs.map((pair) => pair[part]), later };
  const now = pairs.map((pair) => {
    const kept = nanoseconds(Math.floor(pair[part] * (total / sum)));
    if (pair[part] > kept) later.set(pair.culprit, pair[part] - kept);
    return kept;
  });
  return { now, later };
}
