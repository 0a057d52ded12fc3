import { difference, readBigint, wordsOf } from '../../bpf/u64.ts';
import type { LossLedger } from '../../telemetry/losses.ts';
import type { SchedulerAbi } from './abi.ts';
import { absent, type PairCopy, PairTable } from './pair-table.ts';
import type { SerialIndex } from './serial-index.ts';
import type { PairReading, Waiter } from './source.ts';
import type { Steps } from './steps.ts';
import { pairsAtOnce } from './victims.ts';

/** A culprit that came between the copies of cells and pairs has its name by the next reading. */
const readingsToName = 3;

/** The history goes back some 8 s; a pair it names later still makes room in a full map. */
const readingsToForget = 60;

/** From this share of the kernel's map on the smallest pairs make room, down to the other: a new neighbour must get a name. */
const fullFrom = 0.75;
const emptyTo = 0.5;
/** The kernel side multiplies it by 2^16. */
const mostNanoseconds = 2 ** 47;

export interface PairOptions {
  readonly abi: SchedulerAbi;
  readonly index: SerialIndex;
  /** Entries the kernel's map has room for. */
  readonly limit: number;
  readonly losses: LossLedger;
}

export interface PairAdvance {
  readonly pairs: readonly PairReading[];
  /** Packed keys that leave the kernel's map. */
  readonly obsolete: Uint8Array;
  /**
   * A new pair may come in for each so many ns without one; 0: for any. If no more time is without a pair than now, the
   * map is not full before the next reading, and of a pair that has t meanwhile at most this much has no name on average;
   * that none of it has one, has a chance of exp(-t / this).
   */
  readonly admitEach: number;
}

/** What a pair gained since the reading before. */
type Gain = Pick<PairReading, 'other' | 'throttled' | 'last' | 'preemptions'>;

/** Turns the running totals of (victim, culprit) pairs into what happened since the reading before. */
export class PairTotals {
  readonly #of: PairOptions;
  readonly #before: PairTable;
  /** ns that each pair of the copy gained, in all. */
  readonly #sizes: Float64Array;
  readonly #isKept: Uint8Array;
  readonly #nameless: Uint8Array;
  #unpaired = 0n;
  /** Removed cgroups, and for how many readings more the history may still name them. */
  readonly #removed = new Map<bigint, number>();

  constructor(options: PairOptions) {
    const { abi, limit } = options;
    this.#of = options;
    this.#before = new PairTable(abi, limit);
    this.#sizes = new Float64Array(limit);
    this.#isKept = new Uint8Array(limit);
    this.#nameless = new Uint8Array(limit);
  }

  get bytes(): number {
    const { byteLength } = this.#sizes;
    return this.#before.bytes + byteLength + this.#isKept.byteLength + this.#nameless.byteLength;
  }

  /** Its pairs can leave the kernel's map once they stand still. */
  remove(serial: bigint): void {
    this.#removed.set(serial, readingsToForget);
  }

  /**
   * Overwrites the values of pairs that have no name yet. `unpaired` are the ns that had no pair for want of room, in all.
   * Only the last step changes what is known for the next reading.
   */
  *advance(copy: PairCopy, unpaired: bigint): Steps<PairAdvance> {
    const pairs: PairReading[] = [];
    const names = new PairNames(this.#of, this.#removed);
    const keys = wordsOf(copy.keys);
    const values = wordsOf(copy.values);
    this.#isKept.fill(1, 0, copy.count);
    for (let i = 0; i < copy.count; i++) {
      if (i > 0 && i % pairsAtOnce === 0) yield;
      this.#advancePair({ keys, values, i }, names, pairs);
    }
    yield;
    const admitEach = this.#makeRoom(copy.count, Number(unpaired - this.#unpaired));
    yield;
    this.#unpaired = unpaired;
    const obsolete = this.#takeObsolete(copy);
    this.#before.replace(copy, { isKept: this.#isKept, nameless: this.#nameless });
    for (const [serial, left] of this.#removed)
      if (left > 1) this.#removed.set(serial, left - 1);
      else this.#removed.delete(serial);
    return { pairs, obsolete, admitEach };
  }

  #advancePair(
    { keys, values, i }: { readonly keys: Uint32Array; readonly values: Uint32Array; readonly i: number },
    names: PairNames,
    pairs: PairReading[],
  ): void {
    const before = this.#before.find(keys, i);
    const gain = this.#gainAt(values, i, before);
    const isStill = !gain.other && !gain.throttled && !gain.last && !gain.preemptions;
    this.#sizes[i] = isStill ? 0 : gain.other + gain.throttled + 1;
    this.#nameless[i] = 0;
    if (isStill) {
      if (names.isRemoved(keys, i)) this.#isKept[i] = 0;
      return;
    }
    const victim = names.victim(keys, i);
    const culprit = names.culprit(keys, i);
    if (victim !== undefined && victim !== 'idle' && typeof culprit === 'bigint') {
      pairs.push({ victim, culprit, ...gain });
      return;
    }
    const nameless = before === absent ? 1 : this.#before.namelessFor(before) + 1;
    if ((victim === undefined || culprit === undefined) && nameless < readingsToName) {
      this.#nameless[i] = nameless;
      this.#restore(values, i, before); // once it has a name all of it is read
    } else this.#of.losses.add('pair_unnamed'); // their time stays unnamed
  }

  #gainAt(values: Uint32Array, i: number, before: number): Gain {
    const { pair } = this.#of.abi;
    const from = before === absent ? noTotals : this.#before.values;
    const at = before === absent ? 0 : before * pair.size;
    const now = i * pair.size;
    return {
      other: difference(values, from, now + pair.other, at + pair.other),
      throttled: difference(values, from, now + pair.throttled, at + pair.throttled),
      last: difference(values, from, now + pair.last, at + pair.last),
      preemptions: difference(values, from, now + pair.preemptions, at + pair.preemptions),
    };
  }

  #restore(values: Uint32Array, i: number, before: number): void {
    const words = this.#of.abi.pair.size >> 2;
    if (before === absent) values.fill(0, i * words, (i + 1) * words);
    else values.set(this.#before.values.subarray(before * words, (before + 1) * words), i * words);
  }

  /** Divides what is without a pair from now on by the entries that may be taken until the next reading. */
  #makeRoom(count: number, unpaired: number): number {
    const { limit } = this.#of;
    const kept = Math.floor(limit * emptyTo);
    const isShort = count > limit * fullFrom || (unpaired > 0 && count > kept);
    const evicted = isShort ? this.#evictSmallest(count, kept) : 0;
    const room = Math.max(1, Math.floor(limit * fullFrom) - Math.min(count, isShort ? kept : count));
    return Math.min(mostNanoseconds, Math.ceil((unpaired + evicted) / room));
  }

  /** They have been read; what they gain until they are gone is counted. Returns their time in this reading. */
  #evictSmallest(count: number, kept: number): number {
    const sorted = this.#sizes.slice(0, count).sort();
    let left = count - kept;
    const threshold = sorted[left - 1] ?? 0;
    let evicted = 0;
    let time = 0;
    for (const isTie of [false, true])
      for (let i = 0; i < count && left > 0; i++) {
        const size = this.#sizes[i] ?? 0;
        if (isTie ? size !== threshold : size >= threshold) continue;
        this.#isKept[i] = 0;
        left--;
        if (size === 0) continue;
        evicted++;
        time += size;
      }
    this.#of.losses.add('pair_evicted', evicted);
    return time;
  }

  #takeObsolete({ keys, count }: PairCopy): Uint8Array {
    const { size } = this.#of.abi.pairKey;
    let obsolete = 0;
    for (let i = 0; i < count; i++) if (!this.#isKept[i]) obsolete++;
    const packed = new Uint8Array(obsolete * size);
    let at = 0;
    for (let i = 0; i < count; i++)
      if (!this.#isKept[i]) packed.set(keys.subarray(i * size, (i + 1) * size), size * at++);
    return packed;
  }
}

const noTotals = new Uint32Array();

/** Names of serial numbers in keys, each looked up once a reading. */
class PairNames {
  readonly #of: PairOptions;
  readonly #removed: ReadonlyMap<bigint, number>;
  /** By serial number: it is below 2^53, or a power of two. */
  readonly #names = new Map<number, Waiter | 'idle' | undefined>();

  constructor(of: PairOptions, removed: ReadonlyMap<bigint, number>) {
    this.#of = of;
    this.#removed = removed;
  }

  victim(keys: Uint32Array, i: number): Waiter | 'idle' | undefined {
    return this.#at(keys, i, this.#of.abi.pairKey.victim);
  }

  culprit(keys: Uint32Array, i: number): Waiter | 'idle' | undefined {
    return this.#at(keys, i, this.#of.abi.pairKey.culprit);
  }

  isRemoved(keys: Uint32Array, i: number): boolean {
    if (!this.#removed.size) return false;
    const { size, victim, culprit } = this.#of.abi.pairKey;
    return (
      this.#removed.has(readBigint(keys, i * size + victim)) ||
      this.#removed.has(readBigint(keys, i * size + culprit))
    );
  }

  #at(keys: Uint32Array, i: number, member: number): Waiter | 'idle' | undefined {
    const offset = i * this.#of.abi.pairKey.size + member;
    const serial = (keys[(offset >> 2) + 1] ?? 0) * 2 ** 32 + (keys[offset >> 2] ?? 0);
    if (!this.#names.has(serial)) this.#names.set(serial, this.#of.index.find(readBigint(keys, offset)));
    return this.#names.get(serial);
  }
}
