import type { Logger } from 'pino';
import { printDuration } from '../config/schema/duration.ts';
import type { Signal } from '../telemetry/batch.ts';
import type { Counters } from '../telemetry/counters.ts';
import type { CounterMetric } from '../telemetry/emits.ts';
import { type Health, messageOf } from '../telemetry/health.ts';
import type { Nanoseconds } from '../telemetry/units.ts';
import { deliveryCounters } from './emits.ts';
import type { Overflow, Request } from './queue.ts';
import type { Delivered, LossReason } from './retry.ts';

export interface AccountContext {
  readonly id: string;
  readonly counters: Counters;
  readonly health: Health;
  readonly log: Logger;
}

const errorPrefix: Readonly<Partial<Record<LossReason, string>>> = {
  refused: 'not retryable error: Permanent error: ',
  retries_exhausted: 'no more retries left: ',
};

/** Counts every item that comes to an exporter, once, as sent or lost; logs and shows in the health what is lost. */
export class Account {
  readonly #context: AccountContext;
  readonly #retryAdvice: string;
  /** By signal: the last loss that was logged; those like it are counted only. */
  readonly #logged = new Map<Signal, string>();
  #isOverflowing = false;

  /** `retryAdvice`: added where a loss could have been retried. */
  constructor(context: AccountContext, retryAdvice = '') {
    this.#context = context;
    this.#retryAdvice = retryAdvice;
  }

  capacity(by: number): void {
    this.#count(deliveryCounters.queueCapacity, by);
  }

  queued(by: number): void {
    this.#count(deliveryCounters.queueSize, by);
  }

  overflowed({ signal, items }: Request, reason: Overflow, bounds: object): void {
    this.#count(deliveryCounters.enqueueFailed[signal], items, reason);
    if (this.#isOverflowing) return;
    this.#isOverflowing = true;
    this.#context.log.error({ reason, ...bounds }, 'sending queue is full');
  }

  /** Not as soon as there is room: a queue that stays full would be logged again and again. */
  emptied(): void {
    this.#isOverflowing = false;
  }

  late({ signal, items }: Request): void {
    this.#count(deliveryCounters.enqueueFailed[signal], items, 'shutdown');
  }

  retried({ signal }: Request, reason: string, after: Nanoseconds): void {
    this.#context.health.unhealthy(this.#subject(signal), reason, {
      sentence: 'Exporting failed. Will retry the request after interval.',
      fields: { interval: printDuration(after) },
    });
  }

  delivered(request: Request, outcome: Delivered): void {
    if (outcome.kind === 'lost') {
      this.lost(request, outcome.because, outcome.reason);
      return;
    }
    const { signal, items } = request;
    const rejected = outcome.kind === 'partial' ? Math.min(outcome.rejected, items) : 0;
    this.#count(deliveryCounters.sent[signal], items - rejected);
    if (outcome.kind === 'partial') {
      if (rejected > 0)
        this.#count(deliveryCounters.sendFailed[signal], rejected, 'partial' satisfies LossReason);
      const fields = { message: outcome.reason, dropped_items: rejected };
      this.#context.log.warn(fields, 'Partial success response');
    }
    this.#logged.delete(signal);
    this.#context.health.healthy(this.#subject(signal));
  }

  lost({ signal, items }: Request, because: LossReason, reason: string): void {
    this.#count(deliveryCounters.sendFailed[signal], items, because);
    const advice = because === 'retry_disabled' ? this.#retryAdvice : '';
    const error = `${errorPrefix[because] ?? ''}${reason}`;
    const isLogged = this.#logged.get(signal) === error;
    if (!isLogged)
      this.#context.log.error({ error, dropped_items: items }, `Exporting failed. Dropping data.${advice}`);
    this.#logged.set(signal, error);
    const log = isLogged ? undefined : { sentence: 'Component is unhealthy.' };
    this.#context.health.unhealthy(this.#subject(signal), reason, log);
  }

  failed(request: Request, error: unknown): void {
    this.lost(request, 'refused', messageOf(error));
  }

  #subject(signal: Signal) {
    return { kind: 'exporter', id: this.#context.id, signal } as const;
  }

  #count(metric: CounterMetric, by: number, reason?: string): void {
    this.#context.counters.add(metric, by, { exporter: this.#context.id, ...(reason && { reason }) });
  }
}
