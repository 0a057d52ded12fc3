import type { Clock } from '../../machine/clock.ts';
import type { Tally } from './tally.ts';
import type { Item } from './wait.ts';

/** What the modes have beside their settings. */
export interface Surroundings<T extends Item> {
  readonly clock: Pick<Clock, 'elapsed'>;
  /** In [0, 1). */
  random(): number;
  readonly tally: Tally;
  /** Workloads with a state of their own. */
  readonly maxWorkloads: number;
  /** Waits that a reservoir holds. */
  readonly maxHeld: number;
  /** Undefined: the item belongs to no trace. */
  traceIdOf(item: T): string | undefined;
}
