import { readBigint, wordsOf } from '../../bpf/u64.ts';
import { nanoseconds } from '../../telemetry/units.ts';
import type { SchedulerAbi } from './abi.ts';
import type { SerialIndex } from './serial-index.ts';
import type { PairReading } from './source.ts';

interface Totals {
  readonly victim: bigint;
  readonly culprit: bigint;
  readonly other: bigint;
  readonly throttled: bigint;
  readonly last: bigint;
  readonly preemptions: bigint;
}

/** The totals of a pair, and for how many readings they have not moved, or had no name. */
interface Known extends Totals {
  readonly still: number;
  readonly nameless: number;
}

/** A culprit that came between the copies of cells and pairs has its name by the next reading. */
const readingsToName = 3;

const noTime = { other: 0n, throttled: 0n, last: 0n, preemptions: 0n };

/** The history goes back some 8 s; a pair it names later still makes room in a crowd. */
const readingsToForget = 60;

/** From this share of the kernel's map on, pairs that stand still make room: a new neighbour must get a name. */
const crowded = 0.75;
const stillInACrowd = 6;

/** A packed copy of the pair map. */
export interface PairCopy {
  readonly keys: Uint8Array;
  readonly values: Uint8Array;
  readonly count: number;
}

/** Turns the running totals of (victim, culprit) pairs into what happened since the reading before. */
export class PairTotals {
  readonly #abi: SchedulerAbi;
  readonly #index: SerialIndex;
  readonly #limit: number;
  #before = new Map<string, Known>();
  /** Removed cgroups, and for how many readings more the history may still name them. */
  readonly #removed = new Map<bigint, number>();

  /** `limit`: entries the kernel's map has room for. */
  constructor(abi: SchedulerAbi, index: SerialIndex, limit: number) {
    this.#abi = abi;
    this.#index = index;
    this.#limit = limit;
  }

  /** Its pairs can leave the kernel's map once they stand still. */
  remove(serial: bigint): void {
    this.#removed.set(serial, readingsToForget);
  }

  advance(copy: PairCopy): {
    readonly pairs: readonly PairReading[];
    /** Packed keys that are of no more use. */
    readonly obsolete: Uint8Array;
    /** Pairs one side of which nobody can name; their time stays unnamed. */
    readonly unnamed: number;
  } {
    const pairs: PairReading[] = [];
    const seen = new Map<string, Known>();
    const isCrowded = copy.count > this.#limit * crowded;
    const obsolete: Uint8Array[] = [];
    let unnamed = 0;
    for (let i = 0; i < copy.count; i++) {
      const now = this.#totalsAt(copy, i);
      const key = `${now.victim} ${now.culprit}`;
      const before = this.#before.get(key);
      const pair = {
        other: nanoseconds(Number(now.other - (before?.other ?? 0n))),
        throttled: nanoseconds(Number(now.throttled - (before?.throttled ?? 0n))),
        last: nanoseconds(Number(now.last - (before?.last ?? 0n))),
        preemptions: Number(now.preemptions - (before?.preemptions ?? 0n)),
      };
      const isStill = !pair.other && !pair.throttled && !pair.last && !pair.preemptions;
      const still = isStill ? (before?.still ?? 0) + 1 : 0;
      const isRemoved = this.#removed.has(now.victim) || this.#removed.has(now.culprit);
      if (isStill && (isRemoved || (isCrowded && still >= stillInACrowd))) {
        obsolete.push(this.#keyAt(copy, i));
        continue;
      }
      const victim = this.#index.find(now.victim);
      const culprit = this.#index.findCgroup(now.culprit);
      const isNamed = victim !== undefined && victim !== 'idle' && culprit !== undefined;
      const mayBeNamed = victim === undefined || this.#index.find(now.culprit) === undefined;
      const nameless = mayBeNamed && !isStill ? (before?.nameless ?? 0) + 1 : 0;
      if (nameless > 0 && nameless < readingsToName) {
        seen.set(key, { ...now, ...noTime, ...before, still, nameless });
        continue;
      }
      seen.set(key, { ...now, still, nameless: 0 });
      if (isStill) continue;
      if (isNamed) pairs.push({ victim, culprit, ...pair });
      else unnamed++;
    }
    this.#before = seen;
    for (const [serial, left] of this.#removed)
      if (left > 1) this.#removed.set(serial, left - 1);
      else this.#removed.delete(serial);
    return { pairs, obsolete: concatenate(obsolete), unnamed };
  }

  #keyAt({ keys }: PairCopy, i: number): Uint8Array {
    const { size } = this.#abi.pairKey;
    return keys.subarray(i * size, (i + 1) * size);
  }

  #totalsAt({ keys, values }: PairCopy, i: number): Totals {
    const { pairKey, pair } = this.#abi;
    const key = wordsOf(keys);
    const value = wordsOf(values);
    return {
      victim: readBigint(key, i * pairKey.size + pairKey.victim),
      culprit: readBigint(key, i * pairKey.size + pairKey.culprit),
      other: readBigint(value, i * pair.size + pair.other),
      throttled: readBigint(value, i * pair.size + pair.throttled),
      last: readBigint(value, i * pair.size + pair.last),
      preemptions: readBigint(value, i * pair.size + pair.preemptions),
    };
  }
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
