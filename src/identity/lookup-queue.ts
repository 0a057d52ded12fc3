import { BackOff } from '../net/back-off.ts';
import { type Nanoseconds, nanoseconds } from '../telemetry/units.ts';

/** Ids beyond this many are asked about as if for the first time. */
const maxAsked = 1024;
const firstPause = nanoseconds(500e6);

/** Lists that may miss an id before it is asked about only if somebody wants it again. */
const patience = 5;

interface Question {
  readonly backOff: BackOff;
  isOpen: boolean;
  misses: number;
}

/**
 * Ids somebody wants to know of. One that a list did not have is asked about ever more rarely: another runtime's, or a
 * cgroup that only looks like a container's, must not keep this runtime listing.
 */
export class Unanswered {
  readonly #questions = new Map<string, Question>();
  readonly #slowest: Nanoseconds;
  readonly #random: () => number;

  constructor(slowest: Nanoseconds, random: () => number) {
    this.#slowest = slowest;
    this.#random = random;
  }

  ask(key: string, now: Nanoseconds): void {
    const question = this.#questions.get(key) ?? this.#add(key);
    question.isOpen ||= question.backOff.isDue(now);
  }

  isDue(now: Nanoseconds): boolean {
    return this.asked(now).length > 0;
  }

  asked(now: Nanoseconds): readonly string[] {
    return [...this.#questions].flatMap(([key, { isOpen, backOff }]) =>
      isOpen && backOff.isDue(now) ? [key] : [],
    );
  }

  /** A list made after these were asked is complete. */
  answer(
    keys: readonly string[],
    { now, isKnown }: { readonly now: Nanoseconds; isKnown(key: string): boolean },
  ): void {
    for (const key of keys) {
      if (isKnown(key)) this.#questions.delete(key);
      else {
        const question = this.#questions.get(key);
        if (!question) continue;
        question.misses++;
        question.isOpen = question.misses < patience;
        question.backOff.postpone(now);
      }
    }
  }

  #add(key: string): Question {
    if (this.#questions.size >= maxAsked) {
      const [oldest] = this.#questions.keys();
      if (oldest !== undefined) this.#questions.delete(oldest);
    }
    const limits = { first: firstPause, last: nanoseconds(Math.max(this.#slowest, firstPause)) };
    const question = { backOff: new BackOff(limits, this.#random), isOpen: false, misses: 0 };
    this.#questions.set(key, question);
    return question;
  }
}
