/** Why a peer did not answer as it should: the `reason` of `earshot.agent.source.errors`. */
export type FailureReason =
  | 'refused'
  | 'denied'
  | 'timeout'
  | 'cut'
  | 'garbage'
  | 'too_large'
  | 'unimplemented'
  | 'gone'
  | 'status'
  | 'error';

export class SourceError extends Error {
  readonly reason: FailureReason;

  constructor(reason: FailureReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SourceError';
    this.reason = reason;
  }
}

/** Errors of Node.js by what they say of the peer. */
const reasons: Readonly<Record<string, FailureReason>> = {
  ECONNREFUSED: 'refused',
  ENOENT: 'refused',
  ENOTSOCK: 'refused',
  EACCES: 'denied',
  EPERM: 'denied',
  ECONNRESET: 'cut',
  EPIPE: 'cut',
  ABORT_ERR: 'timeout',
};

export function sourceError(error: unknown): SourceError {
  if (error instanceof SourceError) return error;
  const { message, code } = error as NodeJS.ErrnoException;
  const isProtocol = code?.startsWith('HPE_') ?? false;
  const reason = isProtocol ? 'garbage' : (reasons[code ?? ''] ?? 'error');
  return new SourceError(reason, message, { cause: error });
}
