import { readFileSync } from 'node:fs';
import { pseudoSerials } from '../../src/receivers/scheduler/abi.ts';

const sources = ['history.bpf.h', 'throttle.bpf.h', 'scheduler.h']
  .map((name) => readFileSync(new URL(`../../bpf/scheduler/${name}`, import.meta.url), 'utf8'))
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
const fineShares = constant('FINE_SHARES');
const coarseShares = constant('COARSE_SHARES');
/** A share holds no more. */
const mostInShare = 2 ** 32 - 1;

interface Slice {
  readonly start: number;
  readonly end: number;
  readonly serial: bigint;
  readonly stolen: number;
  /** Slices with the same number are one in the ring. */
  readonly number: number;
}

/** What one cgroup had of an epoch; `undefined`: several together. */
interface Share {
  serial: bigint | undefined;
  ns: number;
}

/** Slices that are known as a sum. */
interface Epoch {
  readonly start: number;
  end: number;
  readonly shares: Share[];
  stolen: number;
}

/** The slice of the waiter that ended, for certain or perhaps, when its wait began. */
export interface Own {
  readonly serial: bigint;
  readonly since: number;
  readonly until: number;
  readonly isCertain: boolean;
}

/** Time of each cgroup on a CPU; that of cgroups that share an entry is under `undefined`. */
export interface Occupation {
  readonly ran: ReadonlyMap<bigint | undefined, number>;
  readonly stolen: number;
  readonly unknown: number;
  /** No amount is off by more: what is rounded, or where in a slice time was stolen. */
  readonly slack: number;
  /** Shares that stand for several. */
  readonly unnamedShared: number;
}

/** The cgroups on a CPU, slice by slice, and the slices that by now are only in epochs. */
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
  running: bigint = pseudoSerials.idle;

  /** Returns for how long `whoRan` had the CPU. */
  end(clock: number, stolenNow: number, serialRan: bigint): number {
    const newest = this.#slices.at(-1);
    if (newest?.serial !== serialRan || clock - this.#ringStart > fineSpan) {
      this.#number++;
      this.#ringStart = this.at;
      this.#fold(this.#number - ringSlices + 1);
    }
    const { at } = this;
    const stolen = stolenNow - this.stolen;
    this.at = clock;
    this.stolen = stolenNow;
    if (at === 0) return 0;
    this.#slices.push({ start: at, end: clock, serial: serialRan, stolen, number: this.#number });
    return clock - at - stolen;
  }

  /** Who had the CPU in [start, end), which may reach beyond the last switch if there was one; `own`: see `prorate`. */
  between(start: number, end: number, stolenNow: number, own: Own | undefined): Occupation {
    const total = {
      ran: new Map<bigint | undefined, number>(),
      stolen: 0,
      unknown: 0,
      slack: 0,
      unnamedShared: 0,
    };
    const add = (serialRan: bigint | undefined, ns: number) =>
      total.ran.set(serialRan, (total.ran.get(serialRan) ?? 0) + ns);
    let known = end;
    if (this.at > 0 && end > this.at) {
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
        slice.serial,
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
        const part = prorate(epoch, ns, from === start ? own : undefined);
        for (const share of part.shares) add(share.serial, share.ns);
        total.stolen += part.stolen;
        total.slack += part.slack;
        total.unnamedShared += epoch.shares.filter((share) => share.serial === undefined).length;
      }
    total.unknown += Math.max(0, known - start);
    return total;
  }

  /** The slice of that number leaves the ring. */
  #fold(number: number): void {
    const slices = this.#slices.filter((slice) => slice.number === number);
    const first = slices[0];
    const last = slices.at(-1);
    if (!first || !last || last.end <= first.start) return;
    let into = this.#fine.at(-1);
    const isNamed = into?.shares.some((share) => share.serial === first.serial);
    if (!into || isOver(into, fineSpan, !isNamed && into.shares.length === fineShares)) {
      this.#foldEpoch(this.#fine.at(-fineEpochs));
      into = { start: first.start, end: 0, shares: [], stolen: 0 };
      this.#fine.push(into);
    }
    into.end = last.end;
    const stolen = sumOf(slices.map((slice) => slice.stolen));
    into.stolen += stolen;
    addShare(into, { serial: first.serial, ns: last.end - first.start - stolen }, fineShares);
  }

  #foldEpoch(epoch: Epoch | undefined): void {
    if (!epoch) return;
    let into = this.#coarse.at(-1);
    if (!into || isOver(into, coarseSpan, into.shares.length + epoch.shares.length > coarseShares)) {
      into = { start: epoch.start, end: 0, shares: [], stolen: 0 };
      this.#coarse.push(into);
    }
    into.end = epoch.end;
    into.stolen += epoch.stolen;
    for (const share of epoch.shares) addShare(into, share, coarseShares);
  }
}

/** One without room for another cgroup may be shorter, but not by more than three quarters. */
const isOver = ({ start, end }: Epoch, span: number, isFull: boolean): boolean =>
  end - start >= (isFull ? span / 4 : span);

/** Without room, the last share becomes that of several. */
function addShare({ shares }: Epoch, { serial: serialRan, ns }: Share, most: number): void {
  const found = shares.find((share) => share.serial === serialRan);
  const last = shares[most - 1];
  if (found) {
    found.ns += ns;
  } else if (last) {
    last.serial = undefined;
    last.ns += ns;
  } else {
    shares.push({ serial: serialRan, ns });
  }
}

/**
 * `ns` of an epoch, each party in proportion. What the waiter itself ran up to the beginning of its wait has no part
 * in that: it is known to be before, unless it ran for longer than slices usually last.
 */
function prorate(epoch: Epoch, ns: number, own: Own | undefined) {
  const length = epoch.end - epoch.start;
  const most = Math.max(0, ...epoch.shares.map((share) => share.ns));
  // A share larger than the field is only known to be the largest.
  const unrecorded = most < mostInShare ? 0 : length - most;
  if (ns === length) return { ...epoch, slack: unrecorded };
  const isShort = own && own.until - own.since <= 2 * fineSpan;
  const before = isShort ? Math.max(0, own.until - Math.max(own.since, epoch.start)) : 0;
  const all = epoch.shares.find((share) => share.serial === own?.serial)?.ns ?? 0;
  const mine = Math.min(before, all);
  const part = ns / (length - mine);
  const shares = epoch.shares.map((share) => ({
    serial: share.serial,
    ns: (share.ns - (share.serial === own?.serial ? mine : 0)) * part,
  }));
  // What is taken for the own slice may be others' of the group.
  const isBlurred = epoch.stolen > 0 || (own?.isCertain ? mine < before : mine > 0);
  const slack = unrecorded + shares.length + 2 + (isBlurred ? length - ns : 0);
  return { shares, stolen: epoch.stolen * part, slack };
}

const sumOf = (numbers: readonly number[]): number => numbers.reduce((sum, ns) => sum + ns, 0);
