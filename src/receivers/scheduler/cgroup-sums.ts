import { type Nanoseconds, nanoseconds } from '../../telemetry/units.ts';
import { type CgroupReading, type WaitClass, type Waiter, waitClasses } from './source.ts';

/** A `CgroupReading` in the making. */
export interface CgroupSums {
  wait: number;
  inProgress: number;
  run: number;
  otherCpus: number;
  readonly classes: Record<WaitClass, number>;
  preemptedBySelf: number;
  preemptedByKernel: number;
  readonly buckets: Map<number, number>;
  zeroCount: number;
  /** The part of `irq` and `steal` that was `other` until it was known how much of it was stolen, ns. */
  stolenFromOther: number;
}

export function noClasses(): Record<WaitClass, number> {
  return Object.fromEntries(waitClasses.map((name) => [name, 0])) as Record<WaitClass, number>;
}

export function noSums(): CgroupSums {
  return {
    wait: 0,
    inProgress: 0,
    run: 0,
    otherCpus: 0,
    classes: noClasses(),
    preemptedBySelf: 0,
    preemptedByKernel: 0,
    buckets: new Map(),
    zeroCount: 0,
    stolenFromOther: 0,
  };
}

/** Sums in the making, by serial number. */
export class SerialSums {
  #sums = new Map<bigint, CgroupSums>();
  /** Of readings that have ended. */
  readonly #ended = new Map<bigint, CgroupSums>();

  of(serial: bigint): CgroupSums {
    const sums = this.#sums.get(serial) ?? noSums();
    this.#sums.set(serial, sums);
    return sums;
  }

  /** A reading ends: what is added from now on is the next one's. */
  end(): void {
    for (const [serial, sums] of this.#sums) this.#ended.set(serial, addSums(this.#ended.get(serial), sums));
    this.#sums = new Map();
  }

  /** What has ended and was not taken yet. */
  take(): readonly (readonly [serial: bigint, sums: CgroupSums])[] {
    const taken = [...this.#ended];
    this.#ended.clear();
    return taken;
  }
}

/** Both together, in `into` if it is there. */
export function addSums(into: CgroupSums | undefined, from: CgroupSums): CgroupSums {
  if (!into) return from;
  into.wait += from.wait;
  into.inProgress += from.inProgress;
  into.run += from.run;
  into.otherCpus += from.otherCpus;
  into.preemptedBySelf += from.preemptedBySelf;
  into.preemptedByKernel += from.preemptedByKernel;
  into.zeroCount += from.zeroCount;
  into.stolenFromOther += from.stolenFromOther;
  for (const name of waitClasses) into.classes[name] += from.classes[name];
  for (const [index, count] of from.buckets) into.buckets.set(index, (into.buckets.get(index) ?? 0) + count);
  return into;
}

export function readingOf(
  cgroup: Waiter,
  { classes, inProgress, stolenFromOther: _, ...sums }: CgroupSums,
): CgroupReading {
  return {
    cgroup,
    ...sums,
    wait: nanoseconds(sums.wait),
    completed: nanoseconds(sums.wait - inProgress),
    run: nanoseconds(sums.run),
    classes: classes as Record<WaitClass, Nanoseconds>,
  };
}
