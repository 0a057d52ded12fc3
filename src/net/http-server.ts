import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { SecureContextOptions, TlsOptions } from 'node:tls';
import { parseHostPort } from './host-port.ts';
import { listenError } from './listener.ts';
import { createServer } from './node-http.ts';

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
export function serveHttp(
  endpoint: string,
  answer: RequestListener,
  onFailed: (reason: string) => void,
  tls?: TlsOptions,
): Promise<HttpServer> {
  const { host = '', port } = parseHostPort(endpoint) ?? {};
  const limits = { requestTimeout: 5000, headersTimeout: 5000 };
  const secureServer =
    tls && process.getBuiltinModule('node:https').createServer({ ...limits, ...tls }, answer);
  const server = secureServer ?? createServer(limits, answer);
  server.maxConnections = maxConnections;
  return new Promise((resolve, reject) => {
    const cannotListen = (cause: Error) => reject(listenError(endpoint, cause));
    server.once('error', cannotListen);
    // Go takes IPv4 for this name too, where both are there.
    const address = host === 'localhost' ? '127.0.0.1' : host;
    server.listen({ port, ...(address && { host: address }) }, () => {
      server.off('error', cannotListen);
      server.on('error', ({ message }) => onFailed(`cannot accept a connection at ${endpoint}: ${message}`));
      resolve({
        port: (server.address() as AddressInfo).port, // a server on a port
        secure: (context) => secureServer?.setSecureContext(context),
        async close() {
          if (!server.listening) return;
          const closed = new Promise((done) => server.close(done));
          server.closeAllConnections();
          await closed;
        },
      });
    });
  });
}
