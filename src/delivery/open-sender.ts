import type { HeldExporter, LocalExporter, Payload, RequestExporter } from '../component.ts';
import { type Delivery, noRetry } from '../config/schema/delivery.ts';
import type { TimerClock } from '../machine/clock.ts';
import { type Batch, itemCount } from '../telemetry/batch.ts';
import { nanoseconds } from '../telemetry/units.ts';
import { Account, type AccountContext } from './account.ts';
import { createAttempts, type Send } from './attempt.ts';
import { type Bounds, createMemoryQueue } from './memory-queue.ts';
import type { Request } from './queue.ts';
import { createRetry } from './retry.ts';
import { createSender, type Sender } from './sender.ts';

export interface SenderContext extends AccountContext {
  readonly clock: TimerClock;
}

/** An opened exporter with what its shape needs. */
export type OpenedExporter =
  | { readonly shape: 'request'; readonly exporter: RequestExporter; readonly delivery: Delivery }
  | { readonly shape: 'local'; readonly exporter: LocalExporter }
  | { readonly shape: 'held'; readonly exporter: HeldExporter };

export function openSender(opened: OpenedExporter, context: SenderContext): Sender {
  switch (opened.shape) {
    case 'request':
      return requestSender(opened.exporter, opened.delivery, context);
    case 'local':
      return localSender(opened.exporter, context);
    case 'held':
      return heldSender(opened.exporter, context);
  }
}

interface ChainOptions<R extends Request> {
  readonly delivery: Pick<Delivery, 'timeout' | 'retry_on_failure'>;
  readonly consumers: number | undefined;
  readonly queue: Bounds<R>;
  readonly bounds: object;
  readonly account: Account;
  readonly send: Send<R>;
  requestsOf(batch: Batch): readonly R[];
}

function chainSender<R extends Request>(
  { delivery, queue, send, account, ...chain }: ChainOptions<R>,
  { clock }: SenderContext,
): Sender {
  const attempts = createAttempts(send, { timeout: delivery.timeout, clock });
  const retry = createRetry<R>({
    settings: delivery.retry_on_failure,
    clock,
    attempt: attempts.attempt,
    onRetry: (request, failure, after) => account.retried(request, failure, after),
  });
  return createSender({
    ...{ ...chain, attempts, retry, account, clock },
    queue: createMemoryQueue(queue),
    capacity: queue.requests,
  });
}

const retryAdvice = ' Try enabling retry_on_failure config option to retry on retryable errors.';

function requestSender(exporter: RequestExporter, delivery: Delivery, context: SenderContext): Sender {
  const { enabled, num_consumers, queue_size, max_bytes } = delivery.sending_queue;
  const unbounded = Number.POSITIVE_INFINITY;
  return chainSender<Payload>(
    {
      delivery,
      consumers: enabled ? num_consumers : undefined,
      queue: {
        requests: enabled ? queue_size : unbounded,
        weight: enabled ? max_bytes : unbounded,
        weigh: ({ bytes }) => bytes.byteLength,
        overflow: 'queue_bytes_full',
      },
      bounds: { queue_size, max_bytes },
      account: new Account(context, retryAdvice),
      send: (payload, abort) => exporter.send(payload, { abort, timeout: delivery.timeout }),
      requestsOf: (batch) => exporter.encode(batch),
    },
    context,
  );
}

/** Batches that wait for a slow terminal, and the items in them: some hundred bytes each. */
const localBounds = { queue_size: 1000, queue_items: 250_000 };

function localSender(exporter: LocalExporter, context: SenderContext): Sender {
  return chainSender<Request & { readonly batch: Batch }>(
    {
      delivery: { timeout: nanoseconds(0), retry_on_failure: noRetry },
      consumers: 1,
      queue: {
        requests: localBounds.queue_size,
        weight: localBounds.queue_items,
        weigh: ({ items }) => items,
        overflow: 'queue_items_full',
      },
      bounds: localBounds,
      account: new Account(context),
      async send({ batch }) {
        await exporter.write(batch);
        return { kind: 'accepted' };
      },
      requestsOf: (batch) => [{ signal: batch.signal, items: itemCount(batch), batch }],
    },
    context,
  );
}

/** Without a queue: a batch is part of the state when `take` returns. */
function heldSender(exporter: HeldExporter, context: SenderContext): Sender {
  const account = new Account(context);
  let isClosed = false;
  return {
    async offer(batch) {
      const request = { signal: batch.signal, items: itemCount(batch) };
      if (isClosed) return account.late(request);
      try {
        exporter.take(batch);
        account.delivered(request, { kind: 'accepted' });
      } catch (error) {
        account.failed(request, error);
      }
    },
    skipBackoff() {},
    async close() {
      isClosed = true;
    },
  };
}
