import {
  type CgroupReading,
  type PairReading,
  type SchedulerReading,
  type SchedulerSource,
  type SourceDescription,
  type WaitClass,
  type WaitEvent,
  waitClasses,
} from '../../../../src/receivers/scheduler/source.ts';
import {
  cgroupId,
  type MonotonicNanoseconds,
  type Nanoseconds,
  nanoseconds,
} from '../../../../src/telemetry/units.ts';

export type Parts = Readonly<Partial<Record<WaitClass, number>>>;

function classesOf(parts: Parts): Record<WaitClass, Nanoseconds> {
  return Object.fromEntries(waitClasses.map((name) => [name, parts[name] ?? 0])) as Record<
    WaitClass,
    Nanoseconds
  >;
}

const sumOf = (parts: Parts) => nanoseconds(Object.values(parts).reduce((a, b) => a + b, 0));

/** A cgroup that waited for `parts`, ns. */
export function cgroupReading(parts: Parts, more: Partial<CgroupReading> = {}): CgroupReading {
  return {
    cgroup: cgroupId(1n),
    wait: sumOf(parts),
    completed: sumOf(parts),
    classes: classesOf(parts),
    otherCpus: parts.other ? 1 : 0,
    run: nanoseconds(0),
    preemptedBySelf: 0,
    preemptedByKernel: 0,
    buckets: new Map(),
    zeroCount: 0,
    ...more,
  };
}

export function pairReading(
  culprit: bigint,
  of: { other?: number; throttled?: number; last?: number; preemptions?: number } = {},
): PairReading {
  return {
    victim: cgroupId(1n),
    culprit: cgroupId(culprit),
    other: nanoseconds(of.other ?? 0),
    throttled: nanoseconds(of.throttled ?? 0),
    last: nanoseconds(of.last ?? 0),
    preemptions: of.preemptions ?? 0,
  };
}

export function waitEvent(parts: Parts, more: Partial<WaitEvent> = {}): WaitEvent {
  return {
    at: process.hrtime.bigint() as MonotonicNanoseconds,
    cgroup: cgroupId(1n),
    pid: 101,
    tgid: 100,
    thread: 'worker',
    cpu: 3,
    wait: sumOf(parts),
    classes: classesOf(parts),
    culprit: undefined,
    culpritTime: nanoseconds(0),
    throttler: undefined,
    throttlerTime: nanoseconds(0),
    last: { cgroup: undefined, pid: 99, thread: 'last' },
    idleCpu: { time: nanoseconds(0), number: 3 },
    weight: 1,
    migrated: false,
    ...more,
  };
}

/** A source that answers what the test has put in. */
export function fakeSource(description: Partial<SourceDescription> = {}) {
  const readings: Partial<SchedulerReading>[] = [];
  const waits: WaitEvent[] = [];
  let closed = 0;
  const source: SchedulerSource = {
    histogramScale: 2,
    describe: () => ({
      ...{ programs: ['on_switch'], mapBytes: 2 ** 20, bufferBytes: 2 ** 21, cpus: 2, features: {} },
      ...{ workloads: 512, pairs: 8192, threads: 16_384 },
      ...description,
    }),
    drain: () => waits.splice(0),
    // biome-ignore lint/correctness/useYield: a reading of one step
    *reading() {
      return {
        at: 0n as MonotonicNanoseconds,
        cgroups: [],
        pairs: [],
        drops: {},
        ...readings.shift(),
      };
    },
    measureCost: () => ({ end: () => ({ programs: [], elapsed: nanoseconds(0) }) }),
    close: () => {
      closed++;
    },
  };
  return { source, readings, waits, closed: () => closed };
}
