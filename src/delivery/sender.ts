import type { Outcome } from '../component.ts';
import { printDuration } from '../config/schema/duration.ts';
import { endsWithin, type TimerClock } from '../machine/clock.ts';
import { type Batch, itemCount } from '../telemetry/batch.ts';
import type { Nanoseconds } from '../telemetry/units.ts';
import type { Account } from './account.ts';
import type { Attempts } from './attempt.ts';
import { accepted, outcomeOfDelivery, outcomeOfPut, together } from './outcome.ts';
import type { Lease, Queue, Request } from './queue.ts';
import type { Retry } from './retry.ts';

/** Between the pipelines and one exporter: an account of every item, and what its shape needs. */
export interface Sender {
  /** Resolves at once where there is a queue, otherwise when the data is delivered or lost, with what became of it. */
  offer(batch: Batch): Promise<Outcome>;
  /** From now on an offer that waits for its delivery does not wait between attempts. */
  skipBackoff(): void;
  /** Sends queued payloads, each once more at most; drops the rest at the limit. */
  close(limit: Nanoseconds): Promise<void>;
}

/** The links of the chain queue, retry, attempt. */
export interface Chain<R extends Request, Content extends Request = R> {
  readonly queue: Queue<R, Content>;
  readonly retry: Retry<R>;
  readonly attempts: Attempts<R>;
  readonly account: Account;
  readonly clock: TimerClock;
  /** Requests under way at the same time; undefined: an offer waits for its delivery, there is no queue. */
  readonly consumers: number | undefined;
  /** Requests the queue has room for, and the bounds that are logged when it is full. */
  readonly capacity: number;
  readonly bounds: object;
  requestsOf(batch: Batch): readonly Content[];
}

export function createSender<R extends Request, Content extends Request>(chain: Chain<R, Content>): Sender {
  const { queue, retry, attempts, account, clock, consumers } = chain;
  const hasQueue = consumers !== undefined;
  const idle = Promise.withResolvers<void>();
  let busy = 0;
  let closed: Promise<void> | undefined;

  if (hasQueue) account.capacity(chain.capacity);
  if (queue.size > 0) consume(); // of an agent before

  async function offer(batch: Batch): Promise<Outcome> {
    const outcomes: Outcome[] = [];
    for (const request of chain.requestsOf(batch)) {
      const putting = closed ? 'shutdown' : queue.put(request);
      // at once where it is in memory: a receiver's batch is not held up
      const overflow = putting instanceof Promise ? await putting : putting;
      if (overflow === 'kept') settle();
      else if (overflow === 'shutdown') {
        account.late(request);
        settle();
      } else if (overflow) account.overflowed(request, overflow, chain.bounds);
      else if (hasQueue) {
        account.queued(1);
        consume();
      } else {
        const lease = queue.lease();
        outcomes.push(lease ? await deliver(lease) : accepted);
        continue;
      }
      outcomes.push(outcomeOfPut(overflow));
    }
    return together(outcomes, itemCount(batch));
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

  async function deliver({ request, release, keep }: Lease<R>): Promise<Outcome> {
    const delivered = await retry.deliver(request);
    const isKept = delivered.kind === 'lost' && delivered.because === 'shutdown' && keep();
    if (!isKept) {
      account.delivered(request, delivered);
      release();
    }
    left();
    return isKept ? accepted : outcomeOfDelivery(delivered);
  }

  /** A request is out of the queue. */
  function left(): void {
    if (hasQueue) account.queued(-1);
    settle();
  }

  function settle(): void {
    if (queue.size > 0) return;
    if (closed) idle.resolve();
  }

  async function drain(limit: Nanoseconds): Promise<void> {
    retry.skipBackoff();
    if (queue.size === 0) idle.resolve();
    if (!(await endsWithin(clock, limit, idle.promise))) {
      const reason = `shutdown deadline of ${printDuration(limit)}`;
      const before = queue.size;
      const lost = queue.drain();
      if (hasQueue) account.queued(queue.size + lost.length - before); // those that are kept
      for (const request of lost) {
        account.lost(request, 'shutdown', { reason });
        left();
      }
      settle();
      attempts.abortAll(new Error(reason));
      await idle.promise;
    }
    await queue.close();
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
