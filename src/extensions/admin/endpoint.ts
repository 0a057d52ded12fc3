/** Of `sockaddr_un`, without the zero at its end. */
const longestPath = 107;

export const defaultSocket = '/run/earshot/admin.sock';

/** Where a socket is, as it is configured: `unix:///run/earshot/admin.sock`. */
export function socketPathOf(endpoint: string): string {
  return endpoint.replace(/^unix:\/\//, '');
}

/** What is wrong with an endpoint; undefined: nothing. */
export function endpointProblem(endpoint: string): string | undefined {
  if (!endpoint.startsWith('unix:///'))
    return `must be the absolute path of a socket, like unix://${defaultSocket}; there is no other kind of endpoint`;
  const length = Buffer.byteLength(socketPathOf(endpoint));
  return length > longestPath
    ? `the path of a socket has at most ${longestPath} bytes, this one has ${length}`
    : undefined;
}
