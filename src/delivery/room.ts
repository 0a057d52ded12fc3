import type { Sizer } from '../config/schema/delivery.ts';
import type { Overflow } from './queue.ts';

/** What a request takes of each unit that a queue can be measured in. */
export type Size = Readonly<Record<Sizer, number>>;

export interface Limit {
  readonly sizer: Sizer;
  readonly most: number;
  readonly overflow: Overflow;
}

export interface RoomOptions {
  /** The queue is measured by the first; without any it has no bound. */
  readonly limits: readonly Limit[];
  /** Where it is full, requests wait for room instead of being turned away. */
  readonly blocks?: boolean;
  /** The queue has grown or shrunk, in the unit of the first limit. */
  onChange?(by: number): void;
}

/** `closed`: the queue ended before there was room. */
export type Entry = Overflow | 'closed' | undefined;

interface Waiting {
  readonly size: Size;
  resolve(entry: Entry): void;
}

/** How full a queue is. Those that wait for room get it in the order in which they came. */
export class Room {
  readonly #options: RoomOptions;
  readonly #taken: Record<Sizer, number> = { requests: 0, items: 0, bytes: 0 };
  readonly #waiting: Waiting[] = [];

  constructor(options: RoomOptions) {
    this.#options = options;
  }

  /** Requests inside. */
  get requests(): number {
    return this.#taken.requests;
  }

  /** Undefined: the room is its own until it leaves. At once, unless it has to wait. */
  enter(size: Size): Entry | Promise<Entry> {
    const { limits, blocks = false } = this.#options;
    if (limits.some(({ sizer, most }) => size[sizer] > most)) return 'request_too_large';
    const full = this.#lack(size);
    if (full === undefined && this.#waiting.length === 0) {
      this.take(size);
      return undefined;
    }
    if (!blocks) return full;
    return new Promise((resolve) => this.#waiting.push({ size, resolve }));
  }

  /** Whether there is room or not. */
  take(size: Size): void {
    this.#change(size, 1);
  }

  leave(size: Size): void {
    this.#change(size, -1);
    for (let [next] = this.#waiting; next && this.#lack(next.size) === undefined; [next] = this.#waiting) {
      this.#waiting.shift();
      this.take(next.size);
      next.resolve(undefined);
    }
  }

  /** Nothing waits any more, or comes. */
  close(): void {
    for (const { resolve } of this.#waiting.splice(0)) resolve('closed');
  }

  #lack(size: Size): Overflow | undefined {
    return this.#options.limits.find(({ sizer, most }) => this.#taken[sizer] + size[sizer] > most)?.overflow;
  }

  #change({ requests, items, bytes }: Size, sign: 1 | -1): void {
    this.#taken.requests += sign * requests;
    this.#taken.items += sign * items;
    this.#taken.bytes += sign * bytes;
    const [measure] = this.#options.limits;
    if (measure) this.#options.onChange?.(sign * { requests, items, bytes }[measure.sizer]);
  }
}
