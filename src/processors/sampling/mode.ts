import type { Nanoseconds } from '../../telemetry/units.ts';
import type { Item, Kept, Wait } from './wait.ts';

/** A mode of sampling: of the waits that it takes some come out, at once or later, with the weight of those that do not. */
export interface Mode<T extends Item> {
  take(wait: Wait<T>): readonly Kept<T>[];
  /** Absent: it holds nothing. */
  readonly held?: HeldWaits<T>;
}

export interface HeldWaits<T extends Item> {
  readonly name: string;
  /** How often some of them are due. */
  readonly every: Nanoseconds;
  release(): readonly Kept<T>[];
  /** All of them. */
  flush(): readonly Kept<T>[];
}

/** In the order in which waits go through them. */
export type Modes<T extends Item> = readonly [Mode<T>, ...Mode<T>[]];

/** Modes behind one another: what one keeps goes on to the next. */
export function createChain<T extends Item>(modes: Modes<T>) {
  const [first, ...others] = modes;
  const onward = (from: number, kept: readonly Kept<T>[]) =>
    others.slice(from).reduce((left, mode) => left.flatMap((wait) => mode.take(wait)), kept);
  return {
    take: (wait: Wait<T>) => onward(0, first.take(wait)),
    /** What the modes hold, each with the way behind it. */
    held: modes.flatMap(({ held }, at) =>
      held ? [{ ...held, release: () => onward(at, held.release()) }] : [],
    ),
    flush: () => modes.flatMap(({ held }, at) => onward(at, held?.flush() ?? [])),
  };
}
