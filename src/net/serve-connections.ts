import type { RequestListener, Server, ServerOptions } from 'node:http';
import { createServer } from './node-http.ts';

/**
 * A server of HTTP that listens nowhere and gets its connections by its event `connection`. Node.js begins to watch the timeouts of
 * requests and to list connections at `listening`: without it a request that never ends holds its connection for ever.
 */
export function serveConnections(options: ServerOptions, answer: RequestListener): Server {
  const server = createServer(options, answer);
  server.emit('listening');
  return server;
}
