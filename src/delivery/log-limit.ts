import type { Clock } from '../machine/clock.ts';
import { type Nanoseconds, seconds } from '../telemetry/units.ts';

const every = seconds(60);
/** Of one minute: keys may be a server's words. */
const mostKeys = 100;

/** Lets each key into the log once a minute. */
export class LogLimit {
  readonly #clock: Clock;
  /** When a key was let in, the oldest first. */
  readonly #times = new Map<string, Nanoseconds>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  isDue(key: string): boolean {
    const now = this.#clock.elapsed();
    for (const [known, time] of this.#times) {
      if (now - time < every) break;
      this.#times.delete(known);
    }
    if (this.#times.has(key) || this.#times.size >= mostKeys) return false;
    this.#times.set(key, now);
    return true;
  }
}
