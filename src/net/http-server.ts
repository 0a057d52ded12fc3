import type { RequestListener } from 'node:http';
import type { SecureContextOptions, TlsOptions } from 'node:tls';
import { listen } from './listener.ts';
import { serveConnections } from './serve-connections.ts';

export interface HttpServer {
  /** Where it listens: of port 0 the one that the kernel chose. */
  readonly port: number;
  /** Of HTTPS, for connections from now on. */
  secure(context: SecureContextOptions): void;
  /** Ends its connections too. Idempotent. */
  close(): Promise<void>;
}

/** Probes and people are few; more would only hold memory. */
const maxConnections = 64;

/**
 * Answers HTTP at an endpoint (`host:port`), or HTTPS. Rejects with the endpoint and what to do where it cannot listen;
 * `onFailed`: a connection could not be accepted, such as without a free descriptor.
 */
export async function serveHttp(
  endpoint: string,
  answer: RequestListener,
  onFailed: (reason: string) => void,
  tls?: TlsOptions,
): Promise<HttpServer> {
  const server = serveConnections({ requestTimeout: 5000, headersTimeout: 5000 }, answer);
  const listener = await listen({
    ...{ endpoint, transport: 'tcp', maxConnections, onFailed },
    ...(tls && { tls: { ...tls, ALPNProtocols: ['http/1.1'] } }),
    onConnection: (socket) => void server.emit('connection', socket),
  }).catch((error: unknown) => {
    server.close();
    throw error;
  });
  return {
    port: listener.port,
    secure: listener.secure,
    async close() {
      server.close();
      await listener.close();
    },
  };
}
