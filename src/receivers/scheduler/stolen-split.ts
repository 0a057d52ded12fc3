import { required } from '../../bpf/layout.ts';
import { difference, readBigint } from '../../bpf/u64.ts';
import type { SchedulerAbi } from './abi.ts';
import type { CgroupSums } from './cgroup-sums.ts';
import type { PairReading, WaitClass, Waiter } from './source.ts';
import { type StolenKind, type StolenTime, stolenKinds } from './stolen-shares.ts';

/** Waiting behind a running task, as far as the kernel side knows. */
const behindRunning = ['self', 'other', 'kernel'] as const satisfies readonly WaitClass[];

/** By CPU and for any CPU, 0 to 1 and together at most 1. */
export type Shares = Readonly<Record<StolenKind, Float64Array>>;

/** What a cell gained on a CPU, already in its cgroup's sums. */
interface Gain {
  readonly cpu: number;
  readonly sums: CgroupSums;
  /** ns, in the order of `behindRunning`. */
  readonly times: readonly number[];
}

/**
 * Tells interrupts from the hypervisor in what the kernel accounts as stolen, by CPU; and takes what it does not account
 * out of what cgroups waited behind running tasks, by the shares of each reading. Of a wait that ends in a later reading than
 * it began, the last one's share holds for all that is counted there.
 */
export class StolenSplit {
  readonly #abi: SchedulerAbi;
  readonly #accounted: StolenTime;
  /** Of `behindRunning`. */
  readonly #positions: readonly number[];
  /** Of what the kernel accounts, when it was last seen to grow. */
  readonly #irqShares: Float64Array;
  /** Fractions of a ns not yet moved, by CPU. */
  readonly #rests: Shares;
  /** Gained since the reading before, whose shares are not known yet; bounded by what the ring holds. */
  #waiting: Gain[] = [];

  /** `rows`: the CPUs, and one for what was charged on any of them. */
  constructor(abi: SchedulerAbi, rows: number, accounted: StolenTime) {
    this.#abi = abi;
    this.#accounted = accounted;
    this.#positions = behindRunning.map((name) => required(abi.classes, name));
    this.#irqShares = new Float64Array(rows).fill(accounted.irq && !accounted.steal ? 1 : 0);
    this.#rests = { irq: new Float64Array(rows), steal: new Float64Array(rows) };
  }

  /** Which part of what the kernel accounted on a CPU went to interrupts, in the reading before or lately. */
  irqShare(cpu: number): number {
    return this.#irqShares[cpu] ?? 0;
  }

  /** Copies of `cpu` at [cpu]. */
  advance(now: Uint32Array, before: Uint32Array): void {
    if (!this.#accounted.irq || !this.#accounted.steal) return;
    const { size, irq } = this.#abi.cpu;
    const all = this.#irqShares.length - 1;
    let stolenSum = 0;
    let irqSum = 0;
    for (let cpu = 0; cpu < all; cpu++) {
      const stolen = Number(this.#total(now, cpu) - this.#total(before, cpu));
      if (stolen <= 0) continue;
      const share = Math.max(0, Math.min(1, difference(now, before, cpu * size + irq) / stolen));
      this.#irqShares[cpu] = share;
      stolenSum += stolen;
      irqSum += stolen * share;
    }
    if (stolenSum) this.#irqShares[all] = irqSum / stolenSum;
  }

  /** The shares of what was gained before are known. */
  applyShares(shares: Shares): void {
    for (const gain of this.#waiting) this.#move(gain, shares);
    this.#waiting = [];
  }

  /** A cell gained `gained`, by class position, which is in `sums`. Without shares it waits for those of the next reading. */
  take(
    cpu: number,
    { sums, gained }: { readonly sums: CgroupSums; readonly gained: Float64Array },
    shares: Shares | undefined,
  ): void {
    if (this.#accounted.irq && this.#accounted.steal) return;
    if (shares && !shares.irq[cpu] && !shares.steal[cpu]) return;
    const gain = { cpu, sums, times: this.#positions.map((position) => gained[position] ?? 0) };
    if (!gain.times.some((time) => time > 0)) return;
    if (shares) this.#move(gain, shares);
    else this.#waiting.push(gain);
  }

  #move({ cpu, sums, times }: Gain, shares: Shares): void {
    for (const [position, name] of behindRunning.entries()) {
      const time = times[position] ?? 0;
      let left = time;
      for (const kind of stolenKinds) {
        const share = shares[kind][cpu] ?? 0;
        if (share === 0) continue; // nor what rounding left over
        const exact = time * share + (this.#rests[kind][cpu] ?? 0);
        const moved = Math.min(left, Math.floor(exact));
        this.#rests[kind][cpu] = exact - moved;
        left -= moved;
        sums.classes[kind] += moved;
      }
      sums.classes[name] -= time - left;
      if (name === 'other') sums.stolenFromOther += time - left;
    }
  }

  /** `rq->clock - rq->clock_task`, running total. */
  #total(cpus: Uint32Array, cpu: number): bigint {
    const { cpu: layout, occupant, ringSlices } = this.#abi;
    const base = cpu * layout.size;
    const head = (cpus[(base + layout.head) >> 2] ?? 0) % ringSlices;
    return readBigint(cpus, base + layout.ring + head * occupant.size + occupant.stolen);
  }
}

/** Pairs less what turned out to be stolen: of each of a victim's, the same part. */
export function withoutStolen(
  pairs: readonly PairReading[],
  otherKept: ReadonlyMap<Waiter, number>,
): readonly PairReading[] {
  if (!otherKept.size) return pairs;
  return pairs.map((pair) => {
    const kept = otherKept.get(pair.victim);
    return kept === undefined
      ? pair
      : { ...pair, other: Math.round(pair.other * kept) as PairReading['other'] };
  });
}
