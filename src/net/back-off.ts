import { type Nanoseconds, nanoseconds } from '../telemetry/units.ts';

interface Limits {
  readonly first: Nanoseconds;
  readonly last: Nanoseconds;
}

/** When to try again: twice as late each time, spread by up to a half so that many agents do not try in step. */
export class BackOff {
  readonly #limits: Limits;
  readonly #random: () => number;
  #failures = 0;
  #due = nanoseconds(0);

  constructor(limits: Limits, random: () => number) {
    this.#limits = limits;
    this.#random = random;
  }

  isDue(now: Nanoseconds): boolean {
    return now >= this.#due;
  }

  postpone(now: Nanoseconds): void {
    const pause = Math.min(this.#limits.first * 2 ** this.#failures, this.#limits.last);
    this.#failures = Math.min(this.#failures + 1, 30);
    this.#due = nanoseconds(now + pause * (1 - this.#random() / 2));
  }

  reset(): void {
    this.#failures = 0;
    this.#due = nanoseconds(0);
  }
}
