import { printDuration } from '../config/schema/duration.ts';
import { endsWithin, type TimerClock } from '../machine/clock.ts';
import type { Batch } from '../telemetry/batch.ts';
import type { Nanoseconds } from '../telemetry/units.ts';
import type { Account } from './account.ts';
import type { Attempts } from './attempt.ts';
import type { Lease, Overflow, Queue, Request } from './queue.ts';
import type { Retry } from './retry.ts';

/** Between the pipelines and one exporter: an account of every item, and what its shape needs. */
export interface Sender {
  /** Resolves at once where there is a queue, otherwise when the data is delivered or lost. */
  offer(batch: Batch): Promise<void>;
  /** From now on an offer that waits for its delivery does not wait between attempts. */
  skipBackoff(): void;
  /** Sends queued payloads, each once more at most; drops the rest at the limit. */
  close(limit: Nanoseconds): Promise<void>;
}

/** The links of the chain queue, retry, attempt. */
export interface Chain<R extends Request> {
  readonly queue: Queue<R>;
  readonly retry: Retry<R>;
  readonly attempts: Attempts<R>;
  readonly account: Account;
  readonly clock: TimerClock;
  /** Requests under way at the same time; undefined: an offer waits for its delivery, there is no queue. */
  readonly consumers: number | undefined;
  /** Requests the queue has room for, and the bounds that are logged when it is full. */
  readonly capacity: number;
  readonly bounds: object;
  requestsOf(batch: Batch): readonly R[];
}

export function createSender<R extends Request>(chain: Chain<R>): Sender {
  const { queue, retry, attempts, account, clock, consumers } = chain;
  const hasQueue = consumers !== undefined;
  const idle = Promise.withResolvers<void>();
  let busy = 0;
  let closed: Promise<void> | undefined;

  if (hasQueue) account.capacity(chain.capacity);

  async function offer(batch: Batch): Promise<void> {
    for (const request of chain.requestsOf(batch)) {
      const overflow: Overflow | 'shutdown' | undefined = closed ? 'shutdown' : queue.put(request);
      if (overflow === 'shutdown') account.late(request);
      else if (overflow) account.overflowed(request, overflow, chain.bounds);
      else if (hasQueue) {
        account.queued(1);
        consume();
      } else {
        const lease = queue.lease();
        if (lease) await deliver(lease);
      }
    }
  }

  function consume(): void {
    while (busy < (consumers ?? 0)) {
      const lease = queue.lease();
      if (lease === undefined) return;
      busy += 1;
      void deliver(lease).then(() => {
        busy -= 1;
        consume();
      });
    }
  }

  async function deliver({ request, release }: Lease<R>): Promise<void> {
    account.delivered(request, await retry.deliver(request));
    release();
    left();
  }

  /** A request is out of the queue. */
  function left(): void {
    if (hasQueue) account.queued(-1);
    if (queue.size > 0) return;
    if (closed) idle.resolve();
  }

  async function drain(limit: Nanoseconds): Promise<void> {
    retry.skipBackoff();
    if (queue.size === 0) idle.resolve();
    if (!(await endsWithin(clock, limit, idle.promise))) {
      const reason = `shutdown deadline of ${printDuration(limit)}`;
      for (const request of queue.drain()) {
        account.lost(request, 'shutdown', { reason });
        left();
      }
      attempts.abortAll(new Error(reason));
      await idle.promise;
    }
    if (hasQueue) account.capacity(-chain.capacity);
  }

  return {
    offer,
    skipBackoff() {
      if (!hasQueue) retry.skipBackoff();
    },
    close(limit) {
      // `closed` must be set before `drain` begins: deliveries that wake up read it.
      closed ??= Promise.resolve().then(() => drain(limit));
      return closed;
    },
  };
}
