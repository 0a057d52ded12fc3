import { type Nanoseconds, nanoseconds } from '../telemetry/units.ts';

interface Limits {
  readonly first: Nanoseconds;
  /** Where the growth ends. */
  readonly last: Nanoseconds;
  /** Growth from one pause to the next. */
  readonly multiplier?: number;
  /** Spread to either side, as parts of the pause, so that many agents do not try in step. */
  readonly below?: number;
  readonly above?: number;
}

/** When to try again: later each time, and not at the same time as others. */
export class BackOff {
  readonly #limits: Required<Limits>;
  readonly #random: () => number;
  #pause: number;
  #due = nanoseconds(0);

  /** Without more: twice as late each time, earlier by up to a half. */
  constructor(limits: Limits, random: () => number) {
    this.#limits = { multiplier: 2, below: 0.5, above: 0, ...limits };
    this.#random = random;
    this.#pause = limits.first;
  }

  /** The pause before the next attempt. */
  next(): Nanoseconds {
    const { last, multiplier, below, above } = this.#limits;
    const pause = this.#pause * (1 + above - this.#random() * (below + above));
    this.#pause = Math.min(Math.round(this.#pause * multiplier), last);
    return nanoseconds(Math.round(pause));
  }

  isDue(now: Nanoseconds): boolean {
    return now >= this.#due;
  }

  postpone(now: Nanoseconds): void {
    this.#due = nanoseconds(now + this.next());
  }

  reset(): void {
    this.#pause = this.#limits.first;
    this.#due = nanoseconds(0);
  }
}
