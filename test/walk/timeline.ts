import { readFileSync } from 'node:fs';
import { who } from '../../src/kernel/scheduler-abi.ts';

const sources = ['history.bpf.h', 'throttle.bpf.h', 'scheduler.h']
  .map((name) => readFileSync(new URL(`../../bpf/${name}`, import.meta.url), 'utf8'))
  .join('');

/** `#define name 12` or `#define name (3 * OTHER)`. */
export function constant(name: string): number {
  const [, factor = '', , other] =
    new RegExp(`^#define ${name}\\s+\\(?(\\d+)(ULL)?(?: \\* (\\w+))?`, 'm').exec(sources) ?? [];
  if (!factor) throw new Error(`cannot compute expectations: no ${name} in bpf/`);
  return Number(factor) * (other ? constant(other) : 1);
}

const fineSpan = constant('FINE_SPAN');
const coarseSpan = constant('COARSE_SPAN');
const fineEpochs = constant('FINE_EPOCHS');
const coarseEpochs = constant('COARSE_EPOCHS');
const ringSlices = constant('RING_SLICES');
const shares = constant('SHARES');

interface Slice {
  readonly start: number;
  readonly end: number;
  readonly who: bigint;
  readonly stolen: number;
  /** Slices with the same number are one in the ring. */
  readonly number: number;
}

/** Slices that are known as a sum. */
interface Epoch {
  readonly start: number;
  end: number;
  readonly ran: Map<bigint, number>;
  stolen: number;
}

/** The slice of the waiter that ended, for certain or perhaps, when its wait began. */
export interface Own {
  readonly who: bigint;
  readonly since: number;
  readonly isCertain: boolean;
}

/** Who had a CPU for how long; time that cannot be named is under `undefined`. */
export interface Occupation {
  readonly ran: ReadonlyMap<bigint, number>;
  readonly stolen: number;
  readonly unknown: number;
  /** No amount is off by more: what is rounded, or where in a slice time was stolen. */
  readonly slack: number;
  /** More cgroups ran than an epoch has names for. */
  readonly mayBeUnnamed: boolean;
}

/** Who had a CPU, slice by slice, and which of the slices only epochs tell of by now. */
export class Timeline {
  readonly #slices: Slice[] = [];
  readonly #fine: Epoch[] = [];
  readonly #coarse: Epoch[] = [];
  /** Start and number of the newest slice of the ring. */
  #ringStart = 0;
  #number = 0;
  /** Of the last switch. */
  at = 0;
  stolen = 0;
  running: bigint = who.idle;

  /** Returns for how long `whoRan` had the CPU. */
  end(clock: number, stolenNow: number, whoRan: bigint): number {
    const newest = this.#slices.at(-1);
    if (newest?.who !== whoRan || clock - this.#ringStart > fineSpan) {
      this.#number++;
      this.#ringStart = this.at;
      this.#fold(this.#number - ringSlices + 1);
    }
    const { at } = this;
    const stolen = stolenNow - this.stolen;
    this.at = clock;
    this.stolen = stolenNow;
    if (at === 0) return 0;
    this.#slices.push({ start: at, end: clock, who: whoRan, stolen, number: this.#number });
    return clock - at - stolen;
  }

  /** Who had the CPU in [start, end), which may reach beyond the last switch; `own`: see `#prorate`. */
  between(start: number, end: number, stolenNow: number, own: Own | undefined): Occupation {
    const total = { ran: new Map<bigint, number>(), stolen: 0, unknown: 0, slack: 0, mayBeUnnamed: false };
    const add = (whoRan: bigint, ns: number) => total.ran.set(whoRan, (total.ran.get(whoRan) ?? 0) + ns);
    let known = end;
    if (end > this.at) {
      known = Math.max(start, this.at);
      const stolen = Math.min(stolenNow - this.stolen, end - known);
      total.stolen += stolen;
      add(this.running, end - known - stolen);
      if (start > this.at) total.slack += stolenNow - this.stolen;
    }
    const inRing = this.#slices.filter(({ number }) => number > this.#number - ringSlices + 1);
    for (const slice of inRing.toReversed()) {
      const overlap = Math.min(slice.end, known) - Math.max(slice.start, start);
      if (overlap <= 0) continue;
      const length = slice.end - slice.start;
      total.stolen += overlap === length ? slice.stolen : Math.floor((slice.stolen * overlap) / length);
      add(
        slice.who,
        overlap - (overlap === length ? slice.stolen : Math.floor((slice.stolen * overlap) / length)),
      );
      known = Math.max(slice.start, start);
    }
    for (const edge of new Set([start, end])) {
      const cut = inRing.find((slice) => slice.start < edge && edge <= slice.end)?.number;
      const whole = inRing.filter(({ number }) => number === cut);
      if ((whole[0]?.start ?? edge) < edge && (whole.at(-1)?.end ?? 0) > edge)
        for (const { stolen } of whole) total.slack += stolen;
      else if (edge === start) for (const { stolen } of whole) total.slack += stolen;
    }
    for (const epochs of [this.#fine.slice(-fineEpochs), this.#coarse.slice(-coarseEpochs)])
      for (const epoch of epochs.toReversed()) {
        const from = Math.max(epoch.start, start);
        const ns = Math.min(epoch.end, known) - from;
        if (ns <= 0) continue;
        known = from;
        const part = this.#prorate(epoch, ns, from === start ? own : undefined, start);
        for (const [whoRan, ran] of part.ran) add(whoRan, ran);
        total.stolen += part.stolen;
        total.slack += part.slack;
        total.mayBeUnnamed ||= epoch.ran.size > shares;
      }
    total.unknown += Math.max(0, known - start);
    return total;
  }

  /**
   * `ns` of an epoch, each party in proportion. What the waiter itself ran up to the beginning of its wait has no part
   * in that: it is known to be before.
   */
  #prorate(epoch: Epoch, ns: number, own: Own | undefined, start: number) {
    const length = epoch.end - epoch.start;
    if (ns === length) return { ...epoch, slack: 0 };
    const before = own ? start - Math.max(own.since, epoch.start) : 0;
    const mine = own?.isCertain ? before : 0;
    const share = ns / (length - mine);
    const ran = new Map<bigint, number>();
    for (const [whoRan, all] of epoch.ran) ran.set(whoRan, (all - (whoRan === own?.who ? mine : 0)) * share);
    // Where time was stolen the own slice is shorter than it seems, and others of the group may pass for it.
    const isFound = own && (epoch.ran.get(own.who) ?? 0) >= before;
    const isBlurred = epoch.stolen > 0 || (own && (epoch.ran.size > shares || isFound !== own.isCertain));
    return { ran, stolen: epoch.stolen * share, slack: shares + 2 + (isBlurred ? length - ns : 0) };
  }

  /** The slice of that number leaves the ring. */
  #fold(number: number): void {
    const slices = this.#slices.filter((slice) => slice.number === number);
    const first = slices[0];
    const last = slices.at(-1);
    if (!first || !last || last.end <= first.start) return;
    let into = this.#fine.at(-1);
    if (!into || into.end - into.start >= fineSpan) {
      this.#foldEpoch(this.#fine.at(-fineEpochs));
      into = { start: first.start, end: 0, ran: new Map(), stolen: 0 };
      this.#fine.push(into);
    }
    into.end = last.end;
    for (const { start, end, who: whoRan, stolen } of slices) {
      into.stolen += stolen;
      into.ran.set(whoRan, (into.ran.get(whoRan) ?? 0) + end - start - stolen);
    }
  }

  #foldEpoch(epoch: Epoch | undefined): void {
    if (!epoch) return;
    let into = this.#coarse.at(-1);
    if (!into || into.end - into.start >= coarseSpan) {
      into = { start: epoch.start, end: 0, ran: new Map(), stolen: 0 };
      this.#coarse.push(into);
    }
    into.end = epoch.end;
    into.stolen += epoch.stolen;
    for (const [whoRan, ns] of epoch.ran) into.ran.set(whoRan, (into.ran.get(whoRan) ?? 0) + ns);
  }
}
