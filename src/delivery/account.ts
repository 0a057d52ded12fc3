import type { Logger } from 'pino';
import type { Failure } from '../component.ts';
import { printDuration } from '../config/schema/duration.ts';
import type { Clock } from '../machine/clock.ts';
import type { Signal } from '../telemetry/batch.ts';
import type { Counters } from '../telemetry/counters.ts';
import type { CounterMetric } from '../telemetry/emits.ts';
import { type Health, messageOf } from '../telemetry/health.ts';
import type { Nanoseconds } from '../telemetry/units.ts';
import { failureOf } from './attempt.ts';
import { deliveryCounters } from './emits.ts';
import { LogLimit } from './log-limit.ts';
import { lose, type PendingLosses } from './pending-losses.ts';
import type { Overflow, Request } from './queue.ts';
import type { Delivered, LossReason } from './retry.ts';

export interface AccountContext {
  readonly id: string;
  readonly counters: Counters;
  readonly health: Health;
  readonly log: Logger;
  readonly clock: Clock;
}

const errorPrefix: Readonly<Partial<Record<LossReason, string>>> = {
  refused: 'not retryable error: Permanent error: ',
  retries_exhausted: 'no more retries left: ',
};

/** Of a server's words; the log and the health have no use for more. */
const longestReason = 500;

/**
 * Counts every item that comes to an exporter, once, as sent or lost. Shows in the health what is lost, and logs why: what
 * is repeated once a minute at most.
 */
export class Account {
  readonly #context: AccountContext;
  readonly #retryAdvice: string;
  readonly #limit: LogLimit;
  readonly #pending = new WeakMap<Request, PendingLosses>();
  #isUnstored = false;

  /** `retryAdvice`: added where a loss could have been retried. */
  constructor(context: AccountContext, retryAdvice = '') {
    this.#context = context;
    this.#retryAdvice = retryAdvice;
    this.#limit = new LogLimit(context.clock);
  }

  /** Its sender still has the request: what is lost of it is told first. */
  pend(request: Request, pending: PendingLosses): void {
    this.#pending.set(request, pending);
  }

  capacity(by: number): void {
    this.#count(deliveryCounters.queueCapacity, by);
  }

  queued(by: number): void {
    this.#count(deliveryCounters.queueSize, by);
  }

  overflowed(request: Request, reason: Overflow, bounds: object): void {
    this.#lose(request, deliveryCounters.enqueueFailed, reason);
    const sentence = reason === 'request_too_large' ? 'element size too large' : 'sending queue is full';
    if (this.#limit.isDue(reason)) this.#context.log.error({ reason, ...bounds }, sentence);
  }

  /** Whether the disk took a request; undefined: it did. */
  stored(failure: unknown): void {
    if (this.#isUnstored === (failure !== undefined)) return;
    this.#isUnstored = failure !== undefined;
    if (failure === undefined) this.#context.log.info('The sending queue is on disk again.');
    else
      this.#context.log.error(
        { error: messageOf(failure) },
        'The sending queue cannot be stored. Requests are kept in memory only.',
      );
  }

  /** Requests on disk that another version of the agent wrote. */
  unreadable(requests: number): void {
    this.#count(deliveryCounters.unreadable, requests);
    this.#context.log.error(
      { requests },
      'The sending queue on disk has requests of another version of the agent. They stay there, and are not sent.',
    );
  }

  late(request: Request): void {
    this.#lose(request, deliveryCounters.enqueueFailed, 'shutdown');
  }

  retried({ signal }: Request, { reason, code = reason }: Failure, after: Nanoseconds): void {
    const log = {
      sentence: 'Exporting failed. Will retry the request after interval.',
      fields: { interval: printDuration(after) },
    };
    const isLogged = this.#limit.isDue(`${signal} retry ${code}`);
    this.#context.health.unhealthy(this.#subject(signal), shortened(reason), isLogged ? log : undefined);
  }

  delivered(request: Request, outcome: Delivered): void {
    if (outcome.kind === 'lost') {
      this.lost(request, outcome.because, outcome);
      return;
    }
    const { signal, items } = request;
    const rejected = outcome.kind === 'partial' ? Math.min(outcome.rejected, items) : 0;
    this.#count(deliveryCounters.sent[signal], items - rejected);
    if (outcome.kind === 'partial') {
      if (rejected > 0)
        this.#count(deliveryCounters.sendFailed[signal], rejected, 'partial' satisfies LossReason);
      const fields = { message: shortened(outcome.reason), dropped_items: rejected };
      if (this.#limit.isDue(`${signal} ${rejected > 0 ? 'partial' : 'warning'}`))
        this.#context.log.warn(fields, 'Partial success response');
    }
    this.#context.health.healthy(this.#subject(signal));
  }

  lost(request: Request, because: LossReason, { reason, code = reason }: Failure): void {
    const { signal, items } = request;
    this.#lose(request, deliveryCounters.sendFailed, because);
    const advice = because === 'retry_disabled' ? this.#retryAdvice : '';
    const error = `${errorPrefix[because] ?? ''}${shortened(reason)}`;
    const isLogged = this.#limit.isDue(`${signal} ${because} ${code}`);
    if (isLogged)
      this.#context.log.error({ error, dropped_items: items }, `Exporting failed. Dropping data.${advice}`);
    const log = isLogged ? { sentence: 'Component is unhealthy.' } : undefined;
    this.#context.health.unhealthy(this.#subject(signal), shortened(reason), log);
  }

  failed(request: Request, error: unknown): void {
    this.lost(request, 'refused', failureOf(error));
  }

  #subject(signal: Signal) {
    return { kind: 'exporter', id: this.#context.id, signal } as const;
  }

  #lose(request: Request, metrics: Readonly<Record<Signal, CounterMetric>>, reason: string): void {
    const { id: exporter, counters } = this.#context;
    const { signal, items } = request;
    const loss = {
      ...{ metric: metrics[signal], attributes: { exporter, reason } },
      ...{ items, signal, component: `exporter ${exporter}`, reason },
    };
    lose(counters, loss, this.#pending.get(request));
  }

  #count(metric: CounterMetric, by: number, reason?: string): void {
    this.#context.counters.add(metric, by, { exporter: this.#context.id, ...(reason && { reason }) });
  }
}

const shortened = (text: string) =>
  text.length <= longestReason
    ? text
    : `${text.slice(0, longestReason)}… (${text.length - longestReason} more)`;
