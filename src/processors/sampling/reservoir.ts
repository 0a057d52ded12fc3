import type { Static } from 'typebox';
import type { reservoirSchema } from './config.ts';
import type { Mode } from './mode.ts';
import { RecentMap } from './recent-map.ts';
import type { Surroundings } from './surroundings.ts';
import type { Item, Wait } from './wait.ts';
import { Window } from './window.ts';
import { workloadKey } from './workload-key.ts';

/** Holds the waits of a window until it ends. */
export function createReservoir<T extends Item>(
  { longest, window: every, bands_per_doubling: bandsPerDoubling, per }: Static<typeof reservoirSchema>,
  { random, tally, maxWorkloads }: Surroundings<T>,
): Mode<T> {
  const options = { longest, bandsPerDoubling, random, onDrop: () => tally.drop('reservoir') };
  const windows = new RecentMap<string, Window<T>>(maxWorkloads);
  const keyOf = per === 'workload' ? ({ item }: Wait<T>) => workloadKey(item.resource) : () => '';
  const end = () => windows.drain().flatMap((window) => window.waits());
  return {
    take(wait) {
      const key = keyOf(wait);
      let window = windows.get(key);
      let evicted: Window<T> | undefined;
      if (window === undefined) {
        window = new Window<T>(options);
        evicted = windows.set(key, window);
      }
      window.add(wait);
      return evicted?.waits().map((each) => ({ ...each, reason: 'evicted' as const })) ?? [];
    },
    held: { name: 'reservoir', every, release: end, flush: end },
  };
}
