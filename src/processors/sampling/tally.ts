import type { Signal } from '../../telemetry/batch.ts';
import type { Counters } from '../../telemetry/counters.ts';
import { type DropReason, type KeptReason, samplingCounters } from './emits.ts';

type Totals<Reason> = Map<Reason, number>;

/** Counts items one by one, and adds them to the agent's counters once a batch. */
export class Tally {
  readonly #kept: Totals<KeptReason> = new Map();
  readonly #dropped: Totals<DropReason> = new Map();
  readonly #carried: Totals<KeptReason> = new Map();

  /** With the weight that the item carries beyond its own. */
  keep(reason: KeptReason, carried: number): void {
    count(this.#kept, reason, 1);
    if (carried !== 0) count(this.#carried, reason, carried);
  }

  drop(reason: DropReason): void {
    count(this.#dropped, reason, 1);
  }

  report(counters: Counters, of: { readonly component: string; readonly signal: Signal }): void {
    for (const [metric, totals] of [
      [samplingCounters.kept, this.#kept],
      [samplingCounters.dropped, this.#dropped],
      [samplingCounters.carried, this.#carried],
    ] as const) {
      for (const [reason, by] of totals) counters.add(metric, by, { ...of, reason });
      totals.clear();
    }
  }
}

function count<Reason>(totals: Totals<Reason>, reason: Reason, by: number): void {
  totals.set(reason, (totals.get(reason) ?? 0) + by);
}
