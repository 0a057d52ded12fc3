import type { Counters } from '../../telemetry/counters.ts';
import type { WindowLosses } from './confidence.ts';

/**
 * Of the kernel side's losses those that are sampled pairs, those of clocks, and those of single waits, which are in the
 * totals: all others lost something of a wait. A lost name shows in the blame itself.
 */
const sampling = new Set(['pair_full', 'pair_evicted']);
const clock = new Set(['clock_backwards']);
const singleWaits = new Set(['ring_full', 'event_refused']);
const kernelDropped = 'earshot.agent.kernel.dropped';

/** The agent's own losses from one window to the next, as parts of the waits of the window. */
export class Losses {
  readonly #counters: Counters;
  #before = new Map<string, number>();

  constructor(counters: Counters) {
    this.#counters = counters;
    this.#grown();
  }

  /** Since the call before. */
  take(waits: number): WindowLosses {
    const grown = { loss: 0, sampling: 0, clock: 0 };
    for (const [reason, by] of this.#grown())
      grown[sampling.has(reason) ? 'sampling' : clock.has(reason) ? 'clock' : 'loss'] += by;
    const part = (lost: number) => (lost > 0 ? lost / (lost + waits) : 0);
    return { loss: part(grown.loss), sampling: part(grown.sampling), clock: part(grown.clock) };
  }

  #grown(): ReadonlyMap<string, number> {
    const now = new Map<string, number>();
    for (const { metric, attributes, value } of this.#counters.read())
      if (metric.name === kernelDropped && !singleWaits.has(attributes.reason ?? '')) {
        const reason = attributes.reason ?? '';
        now.set(reason, (now.get(reason) ?? 0) + value);
      }
    const grown = new Map<string, number>();
    for (const [reason, value] of now) grown.set(reason, value - (this.#before.get(reason) ?? 0));
    this.#before = now;
    return grown;
  }
}
