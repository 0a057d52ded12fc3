import type { Failure, Outcome } from '../component.ts';
import type { Delivery } from '../config/schema/delivery.ts';
import type { TimerClock } from '../machine/clock.ts';
import { BackOff } from '../net/back-off.ts';
import { type Nanoseconds, nanoseconds } from '../telemetry/units.ts';

export type LossReason =
  | 'refused'
  | 'partial'
  | 'retries_exhausted'
  | 'retry_disabled'
  | 'shutdown'
  /** The queue on disk has its content no more. */
  | 'storage';

/** What became of a request in the end. */
export type Delivered = Extract<Outcome, { kind: 'accepted' | 'partial' }> | Lost;
export type Lost = { readonly kind: 'lost'; readonly because: LossReason } & Failure;

/** What became of one attempt: lost without having been sent, or as the exporter says. */
export type Attempted = Outcome | Lost;

export interface RetryOptions<R> {
  readonly settings: Delivery['retry_on_failure'];
  readonly clock: TimerClock;
  attempt(request: R): Promise<Attempted>;
  onRetry(request: R, failure: Failure, after: Nanoseconds): void;
}

export interface Retry<R> {
  /** Until the request is delivered or lost; never throws. */
  deliver(request: R): Promise<Delivered>;
  /** Waits end, now and from now on: each request is tried once more at most. */
  skipBackoff(): void;
}

/** Attempts with growing pauses between them, until the request is too old. */
export function createRetry<R>({ settings, clock, attempt, onRetry }: RetryOptions<R>): Retry<R> {
  const sleepers = new Set<() => void>();
  let isBackoffSkipped = false;

  async function deliver(request: R): Promise<Delivered> {
    const started = clock.elapsed();
    const backOff = new BackOff(limitsOf(settings), clock.random);
    for (;;) {
      const outcome = await attempt(request);
      if (outcome.kind === 'refused') return lost('refused', outcome);
      if (outcome.kind !== 'retry') return outcome;
      const pause = nanoseconds(Math.max(backOff.next(), outcome.after ?? 0));
      const age = clock.elapsed() - started + pause;
      if (isBackoffSkipped) return lost('shutdown', outcome);
      if (!settings.enabled) return lost('retry_disabled', outcome);
      if (settings.max_elapsed_time > 0 && age > settings.max_elapsed_time)
        return lost('retries_exhausted', outcome);
      onRetry(request, outcome, pause);
      await sleep(pause);
    }
  }

  function sleep(pause: Nanoseconds): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        timer.cancel();
        sleepers.delete(wake);
        resolve();
      };
      const timer = clock.setTimer(pause, wake);
      sleepers.add(wake);
      if (isBackoffSkipped) wake();
    });
  }

  return {
    deliver,
    skipBackoff() {
      isBackoffSkipped = true;
      for (const wake of sleepers) wake();
    },
  };
}

const lost = (because: LossReason, { reason, code }: Failure): Delivered => ({
  kind: 'lost',
  because,
  reason,
  ...(code !== undefined && { code }),
});

const limitsOf = (settings: Delivery['retry_on_failure']) => ({
  first: settings.initial_interval,
  last: settings.max_interval,
  multiplier: settings.multiplier,
  below: settings.randomization_factor,
  above: settings.randomization_factor,
});
