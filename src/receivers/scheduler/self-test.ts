import type { OwnCgroup } from '../../cgroup/own.ts';
import { type Nanoseconds, nanoseconds } from '../../telemetry/units.ts';
import type { LiveSource } from './live-scheduler.ts';
import type { SchedulerReading } from './source.ts';
import { finishInSteps } from './steps.ts';

/** What the test looks at; a test of the test gives its own. */
export interface SelfTestSubject {
  readonly source: Pick<LiveSource, 'reading' | 'lastSwitches'>;
  readonly cgroup: OwnCgroup;
  /** Whether this process is in the pid namespace of the whole machine; an iterator sees no tasks of others. */
  readonly seesAllTasks: boolean;
  /** Members of a struct of the running kernel. */
  kernelStruct(name: string): readonly string[] | undefined;
  /** CLOCK_MONOTONIC, ns. */
  monotonic(): bigint;
  /** The CPU this thread is on, where that is known. */
  cpu(): number | undefined;
  sleep(ms: number): Promise<unknown>;
}

export type Check = 'wait_stamps' | 'throttle_clock' | 'clock' | 'cgroup' | 'tasks';

export interface SelfTestResult {
  /** What is wrong, with its remedy. */
  readonly failed: ReadonlyMap<Check, string>;
  /** What could not be looked at, with the reason. */
  readonly unchecked: ReadonlyMap<Check, string>;
  /** Against which clock the kernel measures throttled time. */
  readonly throttleClock: ThrottleClock;
  readonly took: Nanoseconds;
}

/** Without these, nothing that is measured can be right. */
export const fatalChecks: readonly Check[] = ['wait_stamps', 'clock'];

const napMs = 10;
/** As a rule; a machine that is slow to schedule gets more before a check fails. */
const fewestNaps = 4;
const mostNaps = 20;
/** Between two looks at a clock that are compared, ns. */
const shortestSpan = 15_000_000;
/** What runs between a switch and our look at it is some 10 µs, or 1 ms just after start. */
const clockTolerance = 0.05;

/**
 * Whether what has just been attached measures what it says: by the agent's own sleeping and waking, without another
 * load. Some 45 ms where all is well. Takes the readings up to then with it.
 */
export async function selfTest(subject: SelfTestSubject): Promise<SelfTestResult> {
  const { source, cgroup } = subject;
  const begin = subject.monotonic();
  const clock = watchClock(subject);
  const waits = new Map<SchedulerReading['cgroups'][number]['cgroup'], number>();
  const hasOwn = () => cgroup.kind !== 'found' || (waits.get(cgroup.id) ?? 0) >= fewestNaps;
  await finishInSteps(source.reading()); // what was before does not count
  for (let nap = 1; nap <= mostNaps; nap++) {
    await subject.sleep(napMs);
    clock.look();
    if (nap < fewestNaps) continue;
    countWaits(await finishInSteps(source.reading()), waits);
    if (hasOwn() && clock.isCertain()) break;
  }

  const failed = new Map<Check, string>();
  const unchecked = new Map<Check, string>();
  if (!waits.size)
    failed.set(
      'wait_stamps',
      'the kernel does not stamp tasks that wait (sched_info.last_queued is always 0): boot it without ' +
        '`nodelayacct`, or take one with CONFIG_SCHEDSTATS=y, or of version 6.1 or later',
    );
  if (clock.isSane() === false) failed.set('clock', clock.problem());
  if (clock.isSane() === undefined)
    unchecked.set('clock', 'no CPU has been seen twice, as this thread is moved all the time');
  const throttleClock = throttleClockOf(subject);
  if (throttleClock === 'none')
    failed.set(
      'throttle_clock',
      'the kernel has no clock of throttled time for each cgroup: waits for a quota will look like other waits ' +
        '(cpu.stat of the cgroup has them; kernels from 5.10 on have such a clock)',
    );
  if (!subject.seesAllTasks)
    failed.set(
      'tasks',
      'in a pid namespace of its own the agent sees only its own tasks while they wait, and the waits of all others ' +
        "when they end (give it the host's: `hostPID: true`, `docker run --pid=host`)",
    );
  if (cgroup.kind === 'wrong') failed.set('cgroup', cgroup.problem);
  else if (cgroup.kind === 'hidden') unchecked.set('cgroup', cgroup.reason);
  else if (!waits.size) unchecked.set('cgroup', 'no wait has been counted');
  else if (!hasOwn() && waits.has('overflow'))
    unchecked.set('cgroup', 'the cgroup of the agent is beyond max_workloads');
  else if (!hasOwn())
    failed.set(
      'cgroup',
      `the kernel side does not have this process in ${cgroup.directory} (cgroup id ${cgroup.id}), where ` +
        '/proc/self/cgroup has it: names of cgroups will be missing or wrong (mount the hierarchy of the cpu ' +
        "controller, the host's one, at /sys/fs/cgroup)",
    );
  return { failed, unchecked, throttleClock, took: nanoseconds(Number(subject.monotonic() - begin)) };
}

/** `passed`, or which checks did not. */
export function summarize({ failed, unchecked }: SelfTestResult): string {
  const names = (checks: ReadonlyMap<Check, string>) => [...checks.keys()].join(', ');
  const verdict = failed.size ? `failed: ${names(failed)}` : 'passed';
  return unchecked.size ? `${verdict}; not checked: ${names(unchecked)}` : verdict;
}

function countWaits(reading: SchedulerReading, into: Map<unknown, number>): void {
  for (const { cgroup, buckets, zeroCount } of reading.cgroups) {
    const count = [...buckets.values()].reduce((a, b) => a + b, zeroCount);
    if (count) into.set(cgroup, (into.get(cgroup) ?? 0) + count);
  }
}

/** Both clocks just after a nap, ns. */
interface Look {
  readonly switched: bigint;
  readonly now: bigint;
}

/**
 * Just after a nap the CPU we are on has switched to us, so that its newest switch is now: on the scheduler's clock
 * and on CLOCK_MONOTONIC the same time passes from one nap to another. How far the two clocks are apart says nothing. A
 * machine that has much to do, or does not get its CPUs, looks late now and then: where not all pairs of looks agree, it
 * is the median of more that counts, which a few late ones do not move (Theil-Sen estimator).
 */
function watchClock({ source, monotonic, cpu }: SelfTestSubject) {
  const looks = new Map<number, Look[]>();
  const rates: number[] = [];
  let ours = 0;
  let passed = 0;
  return {
    look(): void {
      const on = cpu();
      const now = monotonic();
      const switched = on === undefined ? undefined : source.lastSwitches()[on];
      if (on === undefined || !switched || cpu() !== on) return;
      const earlier = looks.get(on) ?? [];
      looks.set(on, [...earlier, { switched, now }]);
      for (const before of earlier) {
        if (Number(now - before.now) < shortestSpan) continue;
        const spans = { ours: Number(switched - before.switched), passed: Number(now - before.now) };
        rates.push(spans.ours / spans.passed);
        if (spans.passed > passed) ({ ours, passed } = spans);
      }
    },
    isCertain: () => rates.length > 0 && rates.every(isRight),
    /** Undefined: too little seen. */
    isSane: () => (rates.length ? isRight(medianOf(rates)) : undefined),
    problem: () =>
      `the scheduler's clock advanced by ${inMs(ours)} ms while ${inMs(passed)} ms passed: no duration would be right ` +
      '(look at the kernel log for an unstable clock source, and at ' +
      '/sys/devices/system/clocksource/clocksource0/available_clocksource for another)',
  };
}

const isRight = (rate: number) => Math.abs(rate - 1) <= clockTolerance;

const medianOf = (numbers: readonly number[]) =>
  numbers.toSorted((a, b) => a - b)[Math.floor((numbers.length - 1) / 2)] ?? 0;

const inMs = (ns: number) => (ns / 1e6).toFixed(1);

/** `wall` since 6.6; the others are slower than it on a CPU below its full frequency, or that has interrupts to serve. */
type ThrottleClock = 'wall' | 'pelt' | 'task' | 'none';

/** In the order in which `throttled_time()` of `bpf/lib/compat.bpf.h` looks for them. */
function throttleClockOf({ kernelStruct }: Pick<SelfTestSubject, 'kernelStruct'>): ThrottleClock {
  const members = kernelStruct('cfs_rq') ?? [];
  if (members.includes('throttled_clock_self_time')) return 'wall';
  if (members.includes('throttled_clock_pelt_time')) return 'pelt';
  if (members.includes('throttled_clock_task_time')) return 'task';
  return 'none';
}
