import type { Nanoseconds } from '../../../../telemetry/units.ts';

/** Why a request failed: the `reason` of `earshot.agent.source.errors`. */
export type KubeErrorCode =
  /** This machine has no such thing: no service account, no address, no file. */
  | 'absent'
  | 'unreachable'
  /** Its certificate, or ours. */
  | 'untrusted'
  | 'credentials'
  | 'unauthorized'
  | 'forbidden'
  | 'not_found'
  /** 410: the version we asked from is not kept any more. */
  | 'gone'
  /** The server gave up a watch, for another reason. */
  | 'ended'
  /** 429 */
  | 'throttled'
  /** Any other status. */
  | 'status'
  | 'timeout'
  | 'cut'
  | 'too_large'
  | 'garbage'
  | 'closed'
  /** Not theirs: our own. */
  | 'error';

export class KubeError extends Error {
  readonly code: KubeErrorCode;
  readonly status: number | undefined;
  /** What the server asks to wait. */
  readonly retryAfter: Nanoseconds | undefined;

  constructor(
    code: KubeErrorCode,
    message: string,
    more: { cause?: unknown; status?: number; retryAfter?: Nanoseconds | undefined } = {},
  ) {
    super(message, more.cause === undefined ? {} : { cause: more.cause });
    this.name = 'KubeError';
    this.code = code;
    this.status = more.status;
    this.retryAfter = more.retryAfter;
  }
}
