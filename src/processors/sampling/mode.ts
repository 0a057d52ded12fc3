import type { Nanoseconds } from '../../telemetry/units.ts';
import type { Item, Wait } from './wait.ts';

/** A mode of sampling: of the waits that it takes some come out, at once or later, with the weight of those that do not. */
export interface Mode<T extends Item> {
  take(wait: Wait<T>): readonly Wait<T>[];
  /** Absent: it holds nothing. */
  readonly held?: HeldWaits<T>;
}

export interface HeldWaits<T extends Item> {
  readonly name: string;
  /** How often some of them are due. */
  readonly every: Nanoseconds;
  release(): readonly Wait<T>[];
  /** All of them. */
  flush(): readonly Wait<T>[];
}

/** Modes behind one another: what one keeps goes on to the next. */
export function createChain<T extends Item>(modes: readonly Mode<T>[]) {
  const through = (from: number, waits: readonly Wait<T>[]) =>
    modes.slice(from).reduce((left, mode) => left.flatMap((wait) => mode.take(wait)), waits);
  return {
    take: (wait: Wait<T>) => through(0, [wait]),
    /** What the modes hold, each with the way behind it. */
    held: modes.flatMap(({ held }, at) =>
      held ? [{ ...held, release: () => through(at + 1, held.release()) }] : [],
    ),
    flush: () => modes.flatMap(({ held }, at) => through(at + 1, held?.flush() ?? [])),
  };
}
