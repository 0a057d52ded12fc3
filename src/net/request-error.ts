import { explainNetworkError } from './explain.ts';

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

/** A request to a peer failed. */
export class RequestError extends Error {
  readonly reason: FailureReason;

  constructor(reason: FailureReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'RequestError';
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

/** The failure of a request by the error of Node.js; any other error is the agent's own. */
export function requestError(error: unknown): RequestError {
  if (error instanceof RequestError) return error;
  const { message, code = '' } = error as NodeJS.ErrnoException;
  const reason = code === 'ABORT_ERR' ? 'timeout' : (explainNetworkError(code)?.reason ?? 'error');
  return new RequestError(reason, message, { cause: error });
}
