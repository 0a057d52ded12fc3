import type { Logger } from 'pino';
import type { Exporter, Outcome, Payload } from '../component.ts';
import { localDelivery } from '../config/schema/delivery.ts';
import { printDuration } from '../config/schema/duration.ts';
import { endsWithin, type TimerClock } from '../runtime/clock.ts';
import { type Health, messageOf } from '../runtime/health.ts';
import type { Batch, Signal } from '../telemetry/batch.ts';
import type { Counters } from '../telemetry/counters.ts';
import type { CounterMetric } from '../telemetry/emits.ts';
import { type Nanoseconds, nanoseconds } from '../telemetry/units.ts';
import { deliveryCounters } from './emits.ts';

export interface SenderContext {
  readonly id: string;
  readonly clock: TimerClock;
  readonly counters: Counters;
  readonly health: Health;
  readonly log: Logger;
}

/** Between the pipelines and one exporter: queue, retry, timeout, and an account of every item. */
export interface Sender {
  /** Resolves at once where there is a queue, otherwise when the data is delivered or lost. */
  offer(batch: Batch): Promise<void>;
  /** From now on an offer that waits for its delivery does not wait between attempts. */
  hasten(): void;
  /** Sends queued payloads, each once more at most; drops the rest at the limit. */
  close(limit: Nanoseconds): Promise<void>;
}

type Loss = 'refused' | 'partial' | 'retries_exhausted' | 'retry_disabled' | 'shutdown';

const errorPrefix: Readonly<Partial<Record<Loss, string>>> = {
  refused: 'not retryable error: Permanent error: ',
  retries_exhausted: 'no more retries left: ',
};
const enableRetry = 'Try enabling retry_on_failure config option to retry on retryable errors.';

export function createSender(exporter: Exporter, context: SenderContext): Sender {
  const { id, clock, counters, health, log } = context;
  const { timeout, sending_queue: queue, retry_on_failure: retry } = exporter.delivery ?? localDelivery;
  const waiting: Payload[] = [];
  const attempts = new Set<AbortController>();
  const sleepers = new Set<() => void>();
  const idle = Promise.withResolvers<void>();
  /** By signal: the last loss that was logged; those like it are counted only. */
  const losses = new Map<Signal, string>();
  let pending = 0;
  let pendingBytes = 0;
  let consumers = 0;
  let isOverflowing = false;
  let isHastened = false;
  let closed: Promise<void> | undefined;

  const subject = (signal: Signal) => ({ kind: 'exporter', id, signal }) as const;
  const count = (metric: CounterMetric, by: number, reason?: string) =>
    counters.add(metric, by, { exporter: id, ...(reason && { reason }) });

  if (queue.enabled) count(deliveryCounters.queueCapacity, queue.queue_size);

  async function offer(batch: Batch): Promise<void> {
    for (const payload of exporter.encode(batch)) {
      if (!admits(payload)) continue;
      pending += 1;
      pendingBytes += payload.bytes.byteLength;
      if (queue.enabled) {
        count(deliveryCounters.queueSize, 1);
        waiting.push(payload);
        consume();
      } else {
        await deliver(payload);
        settled(payload);
      }
    }
  }

  function admits({ signal, items, bytes }: Payload): boolean {
    const obstacle = closed ? 'shutdown' : queue.enabled ? fullness(bytes) : undefined;
    if (obstacle === undefined) return true;
    count(deliveryCounters.enqueueFailed[signal], items, obstacle);
    if (obstacle === 'shutdown' || isOverflowing) return false;
    isOverflowing = true;
    const { queue_size, max_bytes } = queue;
    log.error({ reason: obstacle, queue_size, max_bytes }, 'sending queue is full');
    return false;
  }

  function fullness({ byteLength }: Uint8Array) {
    if (pending >= queue.queue_size) return 'queue_full';
    return pendingBytes + byteLength > queue.max_bytes ? 'queue_bytes_full' : undefined;
  }

  function consume(): void {
    while (consumers < queue.num_consumers) {
      const payload = waiting.shift();
      if (payload === undefined) return;
      consumers += 1;
      void deliver(payload).then(() => {
        consumers -= 1;
        count(deliveryCounters.queueSize, -1);
        settled(payload);
        consume();
      });
    }
  }

  function settled({ bytes }: Payload): void {
    pending -= 1;
    pendingBytes -= bytes.byteLength;
    // Not as soon as there is room: a queue that stays full would be logged again and again.
    if (pending === 0) isOverflowing = false;
    if (closed && pending === 0) idle.resolve();
  }

  /** Until the payload is delivered or lost, and accounted for; never throws. */
  async function deliver(payload: Payload): Promise<void> {
    const started = clock.elapsed();
    let interval = retry.initial_interval;
    for (;;) {
      const outcome = await attempt(payload);
      if (outcome.kind !== 'retry') return conclude(payload, outcome);
      const jitter = 1 + retry.randomization_factor * (2 * clock.random() - 1);
      const delay = nanoseconds(Math.max(Math.round(interval * jitter), outcome.after ?? 0));
      const isTooOld =
        retry.max_elapsed_time > 0 && clock.elapsed() - started + delay > retry.max_elapsed_time;
      if (closed || isHastened) return drop(payload, 'shutdown', outcome.reason);
      if (!retry.enabled) return drop(payload, 'retry_disabled', outcome.reason);
      if (isTooOld) return drop(payload, 'retries_exhausted', outcome.reason);
      health.unhealthy(subject(payload.signal), outcome.reason, {
        sentence: 'Exporting failed. Will retry the request after interval.',
        fields: { interval: printDuration(delay) },
      });
      await sleep(delay);
      interval = nanoseconds(Math.min(Math.round(interval * retry.multiplier), retry.max_interval));
    }
  }

  async function attempt(payload: Payload): Promise<Outcome> {
    const abort = new AbortController();
    const aborted = new Promise<Outcome>((resolve) => {
      abort.signal.addEventListener('abort', () =>
        resolve({ kind: 'retry', reason: messageOf(abort.signal.reason) }),
      );
    });
    const late = new Error(`no answer within ${printDuration(timeout)}`);
    const timer = timeout > 0 ? clock.setTimer(timeout, () => abort.abort(late)) : undefined;
    attempts.add(abort);
    try {
      return await Promise.race([exporter.send(payload, abort.signal), aborted]);
    } catch (error) {
      return { kind: 'refused', reason: messageOf(error) };
    } finally {
      timer?.cancel();
      attempts.delete(abort);
    }
  }

  function sleep(delay: Nanoseconds): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        timer.cancel();
        sleepers.delete(wake);
        resolve();
      };
      const timer = clock.setTimer(delay, wake);
      sleepers.add(wake);
      if (closed || isHastened) wake();
    });
  }

  function conclude(payload: Payload, outcome: Exclude<Outcome, { kind: 'retry' }>): void {
    const { signal, items } = payload;
    if (outcome.kind === 'refused') {
      drop(payload, 'refused', outcome.reason);
      return;
    }
    const rejected = outcome.kind === 'partial' ? Math.min(outcome.rejected, items) : 0;
    count(deliveryCounters.sent[signal], items - rejected);
    if (outcome.kind === 'partial') {
      if (rejected > 0) count(deliveryCounters.sendFailed[signal], rejected, 'partial' satisfies Loss);
      log.warn({ message: outcome.reason, dropped_items: rejected }, 'Partial success response');
    }
    losses.delete(signal);
    health.healthy(subject(signal));
  }

  function drop({ signal, items }: Payload, reason: Loss, trouble: string): void {
    count(deliveryCounters.sendFailed[signal], items, reason);
    const isLocal = exporter.delivery === undefined;
    const advice = reason === 'retry_disabled' && !isLocal ? ` ${enableRetry}` : '';
    const error = `${errorPrefix[reason] ?? ''}${trouble}`;
    if (losses.get(signal) === error) return;
    losses.set(signal, error);
    log.error({ error, dropped_items: items }, `Exporting failed. Dropping data.${advice}`);
    health.unhealthy(subject(signal), trouble, { sentence: 'Component is unhealthy.' });
  }

  async function drain(limit: Nanoseconds): Promise<void> {
    for (const wake of sleepers) wake();
    if (pending === 0) idle.resolve();
    if (!(await endsWithin(clock, limit, idle.promise))) {
      const error = `shutdown deadline of ${printDuration(limit)}`;
      for (const payload of waiting.splice(0)) {
        drop(payload, 'shutdown', error);
        count(deliveryCounters.queueSize, -1);
        settled(payload);
      }
      for (const abort of attempts) abort.abort(new Error(error));
      await idle.promise;
    }
    if (queue.enabled) count(deliveryCounters.queueCapacity, -queue.queue_size);
  }

  return {
    offer,
    hasten() {
      if (queue.enabled) return;
      isHastened = true;
      for (const wake of sleepers) wake();
    },
    close(limit) {
      // `closed` must be set before `drain` begins: deliveries that wake up read it.
      closed ??= Promise.resolve().then(() => drain(limit));
      return closed;
    },
  };
}
