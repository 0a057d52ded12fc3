/** Why a peer did not answer as it should: the `reason` of `earshot.agent.source.errors`. */
export type FailureReason =
  /** This machine has no such thing: no service account, no address, no file. */
  | 'absent'
  | 'unreachable'
  /** Its certificate, or ours. */
  | 'tls_untrusted'
  | 'credentials'
  | 'unauthorized'
  /** Also by the rights of a socket. */
  | 'forbidden'
  | 'not_found'
  /** The version we asked from is not kept any more. */
  | 'gone'
  /** The server gave up a watch, for another reason. */
  | 'watch_ended'
  | 'throttled'
  | 'unimplemented'
  /** Any other status. */
  | 'status'
  | 'timeout'
  | 'connection_reset'
  | 'too_large'
  | 'invalid_response'
  | 'closed'
  /** Not theirs: our own. */
  | 'error';

export class SourceError extends Error {
  readonly reason: FailureReason;

  constructor(reason: FailureReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SourceError';
    this.reason = reason;
  }
}

const reasonsByStatus: Readonly<Record<number, FailureReason>> = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  410: 'gone',
  429: 'throttled',
};

/** Of an HTTP answer that is no success. */
export const reasonOfStatus = (status: number): FailureReason => reasonsByStatus[status] ?? 'status';

/** Errors of Node.js by what they say of the peer. */
const reasons: Readonly<Record<string, FailureReason>> = {
  ECONNREFUSED: 'unreachable',
  ENOENT: 'unreachable',
  ENOTSOCK: 'unreachable',
  EACCES: 'forbidden',
  EPERM: 'forbidden',
  ECONNRESET: 'connection_reset',
  EPIPE: 'connection_reset',
  ABORT_ERR: 'timeout',
};

export function sourceError(error: unknown): SourceError {
  if (error instanceof SourceError) return error;
  const { message, code } = error as NodeJS.ErrnoException;
  const isProtocol = code?.startsWith('HPE_') ?? false;
  const reason = isProtocol ? 'invalid_response' : (reasons[code ?? ''] ?? 'error');
  return new SourceError(reason, message, { cause: error });
}
