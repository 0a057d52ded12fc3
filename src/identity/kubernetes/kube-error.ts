import { type FailureReason, RequestError } from '../../net/request-error.ts';
import type { Nanoseconds } from '../../telemetry/units.ts';

export class KubeError extends RequestError {
  readonly status: number | undefined;
  /** The server's `Retry-After`. */
  readonly retryAfter: Nanoseconds | undefined;

  constructor(
    reason: FailureReason,
    message: string,
    more: { cause?: unknown; status?: number; retryAfter?: Nanoseconds | undefined } = {},
  ) {
    super(reason, message, more.cause === undefined ? {} : { cause: more.cause });
    this.name = 'KubeError';
    this.status = more.status;
    this.retryAfter = more.retryAfter;
  }
}
