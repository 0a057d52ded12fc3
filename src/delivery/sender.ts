import type { Outcome } from '../component.ts';
import { printDuration } from '../config/schema/duration.ts';
import { endsWithin, type TimerClock } from '../machine/clock.ts';
import { type Batch, itemCount } from '../telemetry/batch.ts';
import type { Nanoseconds } from '../telemetry/units.ts';
import type { Account } from './account.ts';
import type { Attempts } from './attempt.ts';
import { accepted, outcomeOfDelivery, outcomeOfPut, together } from './outcome.ts';
import type { PendingLosses } from './pending-losses.ts';
import type { Lease, Put, Queue, Request } from './queue.ts';
import type { Retry } from './retry.ts';

/** Between the pipelines and one exporter: an account of every item, and what its shape needs. */
export interface Sender {
  /**
   * Resolves at once where there is a queue with room, without one or with `wait_for_result` when the data is delivered or lost,
   * with what became of it. `pending`: where the sender of the batch still has it.
   */
  offer(batch: Batch, pending?: PendingLosses): Promise<Outcome>;
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
  /** An offer lasts until its requests are delivered or lost, with the queue too. */
  readonly waitsForResult: boolean;
  /** It may last until others are delivered. */
  readonly holdsUp: boolean;
  /** Of the queue, in its unit, and the bounds that are logged when it is full. */
  readonly capacity: number;
  readonly bounds: object;
  requestsOf(batch: Batch): readonly Content[];
}

export function createSender<R extends Request, Content extends Request>(chain: Chain<R, Content>): Sender {
  const { queue, retry, attempts, account, clock, consumers, waitsForResult, holdsUp } = chain;
  const hasQueue = consumers !== undefined;
  const idle = Promise.withResolvers<void>();
  /** Of offers that wait for what becomes of their requests. */
  const results = new Map<Request, (outcome: Outcome) => void>();
  let busy = 0;
  /** Requests that wait for room, or for the disk. */
  let entering = 0;
  let closed: Promise<void> | undefined;

  if (hasQueue) account.capacity(chain.capacity);
  if (queue.size > 0) consume(); // of an agent before

  async function offer(batch: Batch, pending?: PendingLosses): Promise<Outcome> {
    const outcomes: (Outcome | Promise<Outcome>)[] = [];
    for (const request of chain.requestsOf(batch)) {
      if (pending) account.pend(request, pending);
      const result = waitsForResult ? resultOf(request) : accepted;
      const placing = place(request);
      // at once where it is in memory and there is room: a receiver's batch is not held up
      const put = placing instanceof Promise ? await placing : placing;
      if (put !== undefined) outcomes.push(outcomeOfPut(put));
      else if (hasQueue) {
        outcomes.push(result);
        consume();
      } else {
        const lease = queue.lease();
        outcomes.push(lease ? await deliver(lease) : accepted);
      }
    }
    return together(await Promise.all(outcomes), itemCount(batch));
  }

  function resultOf(request: Content): Promise<Outcome> {
    return new Promise((resolve) => results.set(request, resolve));
  }

  /** Into the queue. */
  function place(request: Content): Put | Promise<Put> {
    const putting = closed ? 'shutdown' : queue.put(request);
    return putting instanceof Promise ? placeLate(request, putting) : placed(request, putting);
  }

  async function placeLate(request: Content, putting: Promise<Put>): Promise<Put> {
    entering += 1;
    const put = placed(request, await putting);
    entering -= 1;
    settle();
    return put;
  }

  function placed(request: Content, put: Put): Put {
    if (put === undefined) return put;
    results.delete(request);
    if (put === 'shutdown') account.late(request);
    else if (put !== 'kept') account.overflowed(request, put, chain.bounds);
    return put;
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
    const outcome = isKept ? accepted : outcomeOfDelivery(delivered);
    answer(request, outcome);
    settle();
    return outcome;
  }

  /** To an offer that waits for it. */
  function answer(request: R, outcome: Outcome): void {
    results.get(request)?.(outcome);
    results.delete(request);
  }

  function settle(): void {
    if (closed && queue.size === 0 && entering === 0) idle.resolve();
  }

  async function drain(limit: Nanoseconds): Promise<void> {
    retry.skipBackoff();
    settle();
    if (!(await endsWithin(clock, limit, idle.promise))) {
      const reason = `shutdown deadline of ${printDuration(limit)}`;
      for (const request of queue.drain()) {
        account.lost(request, 'shutdown', { reason });
        answer(request, { kind: 'retry', reason });
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
      if (!hasQueue || holdsUp) retry.skipBackoff();
    },
    close(limit) {
      // `closed` must be set before `drain` begins: deliveries that wake up read it.
      closed ??= Promise.resolve().then(() => drain(limit));
      return closed;
    },
  };
}
