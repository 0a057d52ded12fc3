import type { HeldExporter, LocalExporter, Payload, RequestExporter } from '../component.ts';
import { type Delivery, maxQueueBytes, noRetry } from '../config/schema/delivery.ts';
import type { TimerClock } from '../machine/clock.ts';
import type { Store } from '../store.ts';
import { type Batch, itemCount } from '../telemetry/batch.ts';
import { messageOf } from '../telemetry/health.ts';
import { nanoseconds } from '../telemetry/units.ts';
import { Account, type AccountContext } from './account.ts';
import { createAttempts, failureOf, type Send } from './attempt.ts';
import { createMemoryQueue } from './memory-queue.ts';
import { outcomeOfPut } from './outcome.ts';
import type { Request } from './queue.ts';
import { type Attempted, createRetry } from './retry.ts';
import { type Limit, Room } from './room.ts';
import { type Chain, createSender, type Sender } from './sender.ts';
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

interface ChainOptions<R extends Request, Content extends Request = R>
  extends Omit<Chain<R, Content>, 'retry' | 'attempts' | 'clock'> {
  readonly delivery: Pick<Delivery, 'timeout' | 'retry_on_failure'>;
  readonly send: Send<R>;
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
  const { sending_queue } = delivery;
  const account = new Account(context, retryAdvice);
  return chainSender(
    {
      ...{ delivery, account, ...queueOptions(sending_queue) },
      consumers: sending_queue.enabled ? sending_queue.num_consumers : undefined,
      queue: createMemoryQueue<Payload>({
        room: sending_queue.enabled ? roomOf(sending_queue, account) : new Room({ limits: [] }),
        sizeOf: ({ items, bytes }) => ({ requests: 1, items, bytes: bytes.byteLength }),
      }),
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
  const { sending_queue } = delivery;
  const account = new Account(context, retryAdvice);
  const queue = await openStoredQueue({
    store,
    room: roomOf(sending_queue, account),
    now: () => context.clock.now(),
    onStored: (failure) => account.stored(failure),
    onUnreadable: (requests) => account.unreadable(requests),
  });
  return chainSender<StoredRequest, Payload>(
    {
      ...{ delivery, account, queue, ...queueOptions(sending_queue) },
      consumers: sending_queue.num_consumers,
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

const roomOf = (queue: Delivery['sending_queue'], account: Account) =>
  new Room({
    limits: limitsOf(queue),
    blocks: queue.block_on_overflow,
    onChange: (by) => account.queued(by),
  });

function limitsOf({
  sizer,
  queue_size,
  max_bytes = maxQueueBytes,
}: Delivery['sending_queue']): readonly Limit[] {
  const size: Limit = { sizer, most: queue_size, overflow: 'queue_full' };
  return sizer === 'bytes'
    ? [size]
    : [size, { sizer: 'bytes', most: max_bytes, overflow: 'queue_bytes_full' }];
}

function queueOptions(queue: Delivery['sending_queue']) {
  const { sizer, queue_size, max_bytes = maxQueueBytes, wait_for_result, block_on_overflow } = queue;
  return {
    capacity: queue_size,
    bounds: { queue_size, sizer, ...(sizer !== 'bytes' && { max_bytes }) },
    waitsForResult: wait_for_result,
    holdsUp: wait_for_result || block_on_overflow,
  };
}

/** Batches that wait for a slow terminal, and the items in them: some hundred bytes each. */
const localBounds = { queue_size: 1000, queue_items: 250_000 };

function localSender(exporter: LocalExporter, context: SenderContext): Sender {
  type LocalRequest = Request & { readonly batch: Batch };
  const account = new Account(context);
  const limits: readonly Limit[] = [
    { sizer: 'requests', most: localBounds.queue_size, overflow: 'queue_full' },
    { sizer: 'items', most: localBounds.queue_items, overflow: 'queue_items_full' },
  ];
  return chainSender<LocalRequest, LocalRequest>(
    {
      delivery: { timeout: nanoseconds(0), retry_on_failure: noRetry },
      consumers: 1,
      queue: createMemoryQueue({
        room: new Room({ limits, onChange: (by) => account.queued(by) }),
        sizeOf: ({ items }) => ({ requests: 1, items, bytes: 0 }),
      }),
      capacity: localBounds.queue_size,
      bounds: localBounds,
      ...{ account, waitsForResult: false, holdsUp: false },
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
    async offer(batch, pending) {
      const request = { signal: batch.signal, items: itemCount(batch) };
      if (pending) account.pend(request, pending);
      if (isClosed) {
        account.late(request);
        return outcomeOfPut('shutdown');
      }
      try {
        const held = exporter.take(batch);
        account.delivered(request, held);
        return held;
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
