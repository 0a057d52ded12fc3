/** The agent cannot listen on its socket. */
export class SocketError extends Error {
  override readonly name = 'SocketError';
  readonly code = 'SOCKET_UNUSABLE';

  constructor(path: string, reason: string, cause?: unknown) {
    const { code = '' } = (cause ?? {}) as NodeJS.ErrnoException;
    const isForbidden = ['EACCES', 'EPERM', 'EROFS'].includes(code);
    const remedy = `${isForbidden ? 'run the agent as root, or ' : ''}set the endpoint of the extension admin to a path in a directory that the user of the agent alone can write`;
    super(`cannot listen at ${path}: ${reason}${code && ` (${code})`}; ${remedy}`, { cause });
  }
}
