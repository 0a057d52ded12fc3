/** Reasons of `earshot.agent.source.errors`, the same for all sources; where the word is not enough, with a meaning. */
export const failureReasons = {
  absent: 'no service account, address or file on this machine',
  unreachable: '',
  tls_untrusted: "a certificate, the source's or the agent's",
  credentials: 'the agent has none that can be used',
  unauthorized: '',
  forbidden: 'also by the rights of a socket',
  not_found: '',
  gone: 'the version to watch from is not kept any more',
  watch_ended: 'by the server, for another reason',
  throttled: '',
  unimplemented: '',
  status: 'any other status',
  timeout: '',
  connection_reset: '',
  too_large: '',
  invalid_response: '',
  closed: '',
  error: 'inside the agent',
} as const;
export type FailureReason = keyof typeof failureReasons;

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
