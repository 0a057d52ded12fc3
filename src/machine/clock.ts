import {
  type MonotonicNanoseconds,
  type Nanoseconds,
  nanoseconds,
  toMilliseconds,
  type UnixNanoseconds,
} from '../telemetry/units.ts';

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Wall clock. */
  now(): UnixNanoseconds;
  /** Never set back; only differences mean something. */
  elapsed(): Nanoseconds;
  /** CLOCK_MONOTONIC, as the kernel's `bpf_ktime_get_ns()`. */
  monotonic(): MonotonicNanoseconds;
  /** In [0, 1): spreads what many agents would do at the same time. */
  random(): number;
}

/** All time in the runtime comes from here, so that a test can hold it; components have no timers. */
export interface TimerClock extends Clock {
  setTimer(after: Nanoseconds, act: () => void): Timer;
}

/** Beyond this a Node.js timer would fire at once. */
const longestTimer = 2 ** 31 - 1;

export const systemClock: TimerClock = {
  // Not `performance.timeOrigin`: that does not follow when the wall clock is corrected.
  now: () => (BigInt(Date.now()) * 1_000_000n) as UnixNanoseconds,
  elapsed: () => nanoseconds(Math.round(performance.now() * 1e6)),
  monotonic: () => process.hrtime.bigint() as MonotonicNanoseconds,
  random: Math.random,
  setTimer(after, act) {
    const timer = setTimeout(act, Math.min(toMilliseconds(after), longestTimer));
    return { cancel: () => clearTimeout(timer) };
  },
};

/** Whether work ended within the limit; rethrows its error. */
export async function endsWithin(
  clock: TimerClock,
  limit: Nanoseconds,
  work: Promise<unknown>,
): Promise<boolean> {
  const timeout = Promise.withResolvers<boolean>();
  const timer = clock.setTimer(limit, () => timeout.resolve(false));
  try {
    return await Promise.race([work.then(() => true), timeout.promise]);
  } finally {
    timer.cancel();
  }
}
