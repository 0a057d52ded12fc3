import type { Failure } from '../component.ts';
import { printDuration } from '../config/schema/duration.ts';
import type { TimerClock } from '../machine/clock.ts';
import { messageOf } from '../telemetry/health.ts';
import type { Nanoseconds } from '../telemetry/units.ts';
import type { Attempted } from './retry.ts';

export type Send<R> = (request: R, abort: AbortSignal) => Promise<Attempted>;

export interface Attempts<R> {
  /** Never throws; an attempt that is aborted may be retried. */
  attempt(request: R): Promise<Attempted>;
  abortAll(reason: Error): void;
}

/** Single attempts, each with a timeout; 0: none. */
export function createAttempts<R>(
  send: Send<R>,
  { timeout, clock }: { readonly timeout: Nanoseconds; readonly clock: TimerClock },
): Attempts<R> {
  const running = new Set<(reason: Error) => void>();
  return {
    async attempt(request) {
      const controller = new AbortController();
      const { promise: aborted, resolve } = Promise.withResolvers<Attempted>();
      const abort = (reason: Error) => {
        resolve({ kind: 'retry', reason: messageOf(reason) }); // without a listener, which costs more than all else here
        controller.abort(reason);
      };
      const late = () => abort(new Error(`no answer within ${printDuration(timeout)}`));
      const timer = timeout > 0 ? clock.setTimer(timeout, late) : undefined;
      running.add(abort);
      try {
        return await Promise.race([send(request, controller.signal), aborted]);
      } catch (error) {
        return { kind: 'refused', ...failureOf(error) };
      } finally {
        timer?.cancel();
        running.delete(abort);
      }
    },
    abortAll(reason) {
      for (const abort of running) abort(reason);
    },
  };
}

/** With the code of Node.js, as `ENOSPC`. */
export function failureOf(error: unknown): Failure {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return { reason: messageOf(error), ...(typeof code === 'string' && { code }) };
}
