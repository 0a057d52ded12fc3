import type { Static } from 'typebox';
import type { reservoirSchema } from './config.ts';
import type { Mode } from './mode.ts';
import { RecentMap } from './recent-map.ts';
import type { Surroundings } from './surroundings.ts';
import type { Item, Kept, Wait } from './wait.ts';
import { Window } from './window.ts';
import { workloadKey } from './workload-key.ts';

/** Holds the waits of a window until it ends. */
export function createReservoir<T extends Item>(
  { longest, window: every, bands_per_doubling: bandsPerDoubling, per }: Static<typeof reservoirSchema>,
  { random, tally, maxWorkloads, maxHeld }: Surroundings<T>,
): Mode<T> {
  const options = { longest, bandsPerDoubling, random, onDrop: () => tally.drop('reservoir') };
  const windows = new RecentMap<string, Window<T>>(maxWorkloads);
  const keyOf = per === 'workload' ? ({ item }: Wait<T>) => workloadKey(item.resource) : () => '';
  let held = 0;

  function endEarly(window: Window<T> | undefined): readonly Kept<T>[] {
    held -= window?.size ?? 0;
    return window?.waits().map((wait) => ({ ...wait, reason: 'evicted' as const })) ?? [];
  }

  function end(): readonly Kept<T>[] {
    held = 0;
    return windows.drain().flatMap((window) => window.waits());
  }

  return {
    take(wait) {
      const key = keyOf(wait);
      const window = windows.get(key) ?? new Window<T>(options);
      const evicted = windows.set(key, window);
      const before = window.size;
      window.add(wait);
      held += window.size - before;
      const early = endEarly(evicted);
      return held > maxHeld ? [...early, ...endEarly(windows.evict())] : early;
    },
    held: { name: 'reservoir', every, release: end, flush: end },
  };
}
