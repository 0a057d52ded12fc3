import type { HeldExporter, LocalExporter, Payload, RequestExporter, Store } from '../component.ts';
import { type Delivery, noRetry } from '../config/schema/delivery.ts';
import type { TimerClock } from '../machine/clock.ts';
import { type Batch, itemCount } from '../telemetry/batch.ts';
import { messageOf } from '../telemetry/health.ts';
import { nanoseconds } from '../telemetry/units.ts';
import { Account, type AccountContext } from './account.ts';
import { createAttempts, failureOf, type Send } from './attempt.ts';
import { createMemoryQueue } from './memory-queue.ts';
import { accepted, outcomeOfPut } from './outcome.ts';
import type { Queue, Request } from './queue.ts';
import { type Attempted, createRetry } from './retry.ts';
import { createSender, type Sender } from './sender.ts';
import { openStoredQueue, type StoredQueue, type StoredRequest } from './stored-queue.ts';

export interface SenderContext extends AccountContext {
  readonly clock: TimerClock;
}

/** An opened exporter with what its shape needs. */
export type OpenedExporter =
  | {
      readonly shape: 'request';
      readonly exporter: RequestExporter;
      readonly delivery: Delivery;
      /** For the queue; absent: it is in memory. */
      readonly store?: Store;
    }
  | { readonly shape: 'local'; readonly exporter: LocalExporter }
  | { readonly shape: 'held'; readonly exporter: HeldExporter };

export async function openSender(opened: OpenedExporter, context: SenderContext): Promise<Sender> {
  switch (opened.shape) {
    case 'request':
      return opened.store
        ? storedSender({ ...opened, store: opened.store }, context)
        : requestSender(opened, context);
    case 'local':
      return localSender(opened.exporter, context);
    case 'held':
      return heldSender(opened.exporter, context);
  }
}

interface ChainOptions<R extends Request, Content extends Request = R> {
  readonly delivery: Pick<Delivery, 'timeout' | 'retry_on_failure'>;
  readonly consumers: number | undefined;
  readonly queue: Queue<R, Content>;
  readonly capacity: number;
  readonly bounds: object;
  readonly account: Account;
  readonly send: Send<R>;
  requestsOf(batch: Batch): readonly Content[];
}

function chainSender<R extends Request, Content extends Request>(
  { delivery, send, account, ...chain }: ChainOptions<R, Content>,
  { clock }: SenderContext,
): Sender {
  const attempts = createAttempts(send, { timeout: delivery.timeout, clock });
  const retry = createRetry<R>({
    settings: delivery.retry_on_failure,
    clock,
    attempt: attempts.attempt,
    onRetry: (request, failure, after) => account.retried(request, failure, after),
  });
  return createSender({ ...chain, attempts, retry, account, clock });
}

const retryAdvice = ' Try enabling retry_on_failure config option to retry on retryable errors.';

interface OpenedRequest {
  readonly exporter: RequestExporter;
  readonly delivery: Delivery;
}

function requestSender({ exporter, delivery }: OpenedRequest, context: SenderContext): Sender {
  const { enabled, num_consumers, queue_size, max_bytes } = delivery.sending_queue;
  const unbounded = Number.POSITIVE_INFINITY;
  return chainSender(
    {
      delivery,
      consumers: enabled ? num_consumers : undefined,
      queue: createMemoryQueue<Payload>({
        requests: enabled ? queue_size : unbounded,
        weight: enabled ? max_bytes : unbounded,
        weigh: ({ bytes }) => bytes.byteLength,
        overflow: 'queue_bytes_full',
      }),
      capacity: queue_size,
      bounds: { queue_size, max_bytes },
      account: new Account(context, retryAdvice),
      send: (payload, abort) => exporter.send(payload, { abort, timeout: delivery.timeout }),
      requestsOf: (batch) => exporter.encode(batch),
    },
    context,
  );
}

async function storedSender(
  { exporter, delivery, store }: OpenedRequest & { readonly store: Store },
  context: SenderContext,
): Promise<Sender> {
  const { num_consumers, queue_size, max_bytes } = delivery.sending_queue;
  const account = new Account(context, retryAdvice);
  const queue = await openStoredQueue({
    store,
    requests: queue_size,
    weight: max_bytes,
    now: () => context.clock.now(),
    onStored: (failure) => account.stored(failure),
    onFound: (requests) => account.queued(requests),
    onUnreadable: (requests) => account.unreadable(requests),
  });
  return chainSender<StoredRequest, Payload>(
    {
      delivery,
      consumers: num_consumers,
      queue,
      capacity: queue_size,
      bounds: { queue_size, max_bytes },
      account,
      async send(request, abort): Promise<Attempted> {
        const read = await contentOf(request, queue);
        return 'kind' in read ? read : exporter.send(read, { abort, timeout: delivery.timeout });
      },
      requestsOf: (batch) => exporter.encode(batch),
    },
    context,
  );
}

async function contentOf(request: StoredRequest, queue: StoredQueue): Promise<Payload | Attempted> {
  try {
    const payload = await queue.read(request);
    const reason = 'the store of the sending queue has lost the request';
    return payload ?? { kind: 'lost', because: 'storage', reason };
  } catch (error) {
    return { kind: 'retry', reason: messageOf(error) };
  }
}

/** Batches that wait for a slow terminal, and the items in them: some hundred bytes each. */
const localBounds = { queue_size: 1000, queue_items: 250_000 };

function localSender(exporter: LocalExporter, context: SenderContext): Sender {
  type LocalRequest = Request & { readonly batch: Batch };
  return chainSender<LocalRequest, LocalRequest>(
    {
      delivery: { timeout: nanoseconds(0), retry_on_failure: noRetry },
      consumers: 1,
      queue: createMemoryQueue({
        requests: localBounds.queue_size,
        weight: localBounds.queue_items,
        weigh: ({ items }) => items,
        overflow: 'queue_items_full',
      }),
      capacity: localBounds.queue_size,
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
      if (isClosed) {
        account.late(request);
        return outcomeOfPut('shutdown');
      }
      try {
        exporter.take(batch);
        account.delivered(request, accepted);
        return accepted;
      } catch (error) {
        account.failed(request, error);
        return { kind: 'refused', ...failureOf(error) };
      }
    },
    skipBackoff() {},
    async close() {
      isClosed = true;
    },
  };
}
