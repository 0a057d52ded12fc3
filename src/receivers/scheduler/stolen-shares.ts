import { type CpuTimes, cpuTick } from '../../machine/cpu-times.ts';
import type { LossLedger } from '../../telemetry/losses.ts';

/** Kinds of time a CPU runs no task though it is not idle. */
export const stolenKinds = ['irq', 'steal'] as const;
export type StolenKind = (typeof stolenKinds)[number];
/** Which kinds `rq->clock - rq->clock_task` holds on this kernel. */
export type StolenTime = Readonly<Record<StolenKind, boolean>>;

type StolenLoss =
  /** `/proc/stat` could not be read: times, not CPUs. */
  | 'cpu_times_unreadable'
  /** A counter of a CPU went backwards, as steal does on some hypervisors. */
  | 'cpu_time_backwards'
  /** One grew by far more than the time that passed. */
  | 'cpu_time_implausible';

/** ns a CPU may be late with: what was stolen is accounted at its next tick, after it has got the CPU back. */
const lateness = 1_000_000_000;

interface Kind {
  readonly name: StolenKind;
  /** Ticks at the reading before, by CPU. */
  readonly before: Float64Array;
  /** ns a CPU had more of than time passed, because ticks come late and whole: for its next reading with growth. */
  readonly owed: Float64Array;
}

/**
 * By CPU, the share of the time since the reading before that it spent in interrupts, and that the hypervisor had it:
 * for the kinds the kernel does not keep out of run time itself. It is a mean over the reading and over idle and busy
 * time, so it is rather too small than too large for a CPU that was stolen only while it was busy.
 */
export class StolenShares {
  /**
   * 0 to 1 by CPU, together at most 1; exactly 0 where nothing grew, and for what the kernel accounts. Beyond the last
   * CPU: what every one of them had at least, for what is known of no CPU.
   */
  readonly irq: Float64Array;
  readonly steal: Float64Array;
  readonly #times: CpuTimes;
  readonly #kinds: readonly Kind[];
  /** When a CPU was last seen, ns; NaN: never. One that was offline keeps its counters. */
  readonly #seenAt: Float64Array;
  readonly #losses: LossLedger;
  readonly #warn: (error: Error) => void;
  #hasWarned = false;

  constructor(
    times: CpuTimes,
    accounted: StolenTime,
    to: { readonly losses: LossLedger; readonly warn: (error: Error) => void },
  ) {
    const cpus = times.irq.length;
    this.irq = new Float64Array(cpus + 1);
    this.steal = new Float64Array(cpus + 1);
    this.#times = times;
    this.#kinds = stolenKinds
      .filter((name) => !accounted[name])
      .map((name) => ({ name, before: new Float64Array(cpus), owed: new Float64Array(cpus) }));
    this.#seenAt = new Float64Array(cpus).fill(Number.NaN);
    this.#losses = to.losses;
    this.#warn = to.warn;
  }

  /** Shares since the call before, which the next one overwrites; `now` is ns of a monotonic clock. */
  advance(now: number): void {
    if (!this.#kinds.length) return;
    this.irq.fill(0);
    this.steal.fill(0);
    try {
      this.#times.read();
    } catch (error) {
      this.#lose('cpu_times_unreadable');
      if (!this.#hasWarned) this.#warn(error as Error);
      this.#hasWarned = true;
      return; // the next one that can be read covers this time too
    }
    const online = [...this.#times.irq.keys()].filter((cpu) => !Number.isNaN(this.#times.irq[cpu]));
    for (const cpu of online) this.#advanceCpu(cpu, now);
    for (const { name } of this.#kinds)
      this[name][this.#seenAt.length] = online.length
        ? Math.min(...online.map((cpu) => this[name][cpu] ?? 0))
        : 0;
  }

  #advanceCpu(cpu: number, now: number): void {
    const elapsed = now - (this.#seenAt[cpu] ?? Number.NaN);
    this.#seenAt[cpu] = now;
    let room = elapsed;
    for (const kind of this.#kinds) {
      const ticks = this.#times[kind.name][cpu] ?? 0;
      const grown = (ticks - (kind.before[cpu] ?? 0)) * cpuTick;
      kind.before[cpu] = ticks;
      if (!(elapsed > 0)) continue; // not seen before
      const time = this.#plausible(kind, cpu, { grown, elapsed });
      const taken = Math.min(time, room);
      if (time) kind.owed[cpu] = time - taken;
      room -= taken;
      this[kind.name][cpu] = taken / elapsed;
    }
  }

  /** What grew and what is owed from before; 0 if nothing grew, or what grew cannot be. */
  #plausible(
    kind: Kind,
    cpu: number,
    { grown, elapsed }: { readonly grown: number; readonly elapsed: number },
  ): number {
    if (grown === 0) return 0;
    const time = grown + (kind.owed[cpu] ?? 0);
    if (grown > 0 && time <= elapsed + Math.max(elapsed, lateness)) return time;
    this.#lose(grown < 0 ? 'cpu_time_backwards' : 'cpu_time_implausible');
    kind.owed[cpu] = 0;
    return 0;
  }

  #lose(reason: StolenLoss): void {
    this.#losses.add(reason);
  }
}
