import type { TimerClock } from '../../src/machine/clock.ts';
import {
  type MonotonicNanoseconds,
  type Nanoseconds,
  nanoseconds,
  type UnixNanoseconds,
} from '../../src/telemetry/units.ts';

/** Time that moves when the test says so, and with it the timers that fall due. */
export class FakeClock implements TimerClock {
  #elapsed = 0;
  #stepped = 0n;
  readonly #timers = new Set<{ readonly due: number; readonly act: () => void }>();

  readonly now = () =>
    (1_700_000_000_000_000_000n + BigInt(this.#elapsed) + this.#stepped) as UnixNanoseconds;
  readonly elapsed = () => nanoseconds(this.#elapsed);
  readonly monotonic = () => (1_000_000_000_000n + BigInt(this.#elapsed)) as MonotonicNanoseconds;
  /** No spread to either side; a test may set another. */
  random = () => 0.5;

  setTimer(after: Nanoseconds, act: () => void) {
    const timer = { due: this.#elapsed + after, act };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  get timers(): number {
    return this.#timers.size;
  }

  /** Fires what falls due on the way, each at its own time, and lets it have its effect. */
  async advance(by: Nanoseconds): Promise<void> {
    const end = this.#elapsed + by;
    await settle();
    for (;;) {
      const next = [...this.#timers].filter(({ due }) => due <= end).sort((a, b) => a.due - b.due)[0];
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#elapsed = Math.max(this.#elapsed, next.due);
      next.act();
      await settle();
    }
    this.#elapsed = end;
  }

  /** The time of day is set to another one, before or after it; no time passes. */
  step(by: number): void {
    this.#stepped += BigInt(by);
  }

  /** Time passes while nothing else can run, as in a long calculation. */
  block(by: Nanoseconds): void {
    this.#elapsed += by;
  }
}

/** Until every promise that can go on has done so. */
export const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
