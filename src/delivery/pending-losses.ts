import type { Outcome } from '../component.ts';
import type { Signal } from '../telemetry/batch.ts';
import type { Counters } from '../telemetry/counters.ts';
import type { CounterMetric } from '../telemetry/emits.ts';
import { deliveryCounters } from './emits.ts';

export interface Loss {
  readonly metric: CounterMetric;
  readonly attributes: Readonly<Record<string, string>>;
  readonly items: number;
  readonly signal: Signal;
  /** Kind and id of the component that turned the items away. */
  readonly component: string;
  readonly reason: string;
}

/**
 * Losses of a batch that its sender still has, until the sender is told what became of the batch. If it is to send the batch
 * again, they are none, and are counted as deferred.
 */
export class PendingLosses {
  readonly #counters: Counters;
  readonly #losses: Loss[] = [];
  #told: Outcome['kind'] | undefined;

  constructor(counters: Counters) {
    this.#counters = counters;
  }

  add(loss: Loss): void {
    if (this.#told === undefined) this.#losses.push(loss);
    else this.#count(loss);
  }

  settle(told: Outcome['kind']): void {
    this.#told = told;
    for (const loss of this.#losses.splice(0)) this.#count(loss);
  }

  #count(loss: Loss): void {
    const { items, signal, component, reason } = loss;
    if (this.#told !== 'retry') lose(this.#counters, loss);
    else this.#counters.add(deliveryCounters.deferred, items, { component, signal, reason });
  }
}

/** Counts a loss; `pending`: where the sender of the batch still has it. */
export function lose(counters: Counters, loss: Loss, pending?: PendingLosses): void {
  if (pending) pending.add(loss);
  else counters.add(loss.metric, loss.items, loss.attributes);
}
