import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

/**
 * A TLS server of our own that answers as a kubelet or an API server might on a bad day. It is not one of theirs: that the
 * sources understand real ones is shown with real ones.
 */
export interface TlsServer {
  readonly endpoint: string;
  readonly asked: readonly Asked[];
  /** How it answers from now on. */
  behave(behaviour: Behaviour): void;
  /** Connections that are open. */
  connections(): number;
  /** Takes no more connections, and drops those there are. */
  die(): Promise<void>;
}

export interface Asked {
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
}

export type Behaviour = (asked: Asked, response: ServerResponse, request: IncomingMessage) => void;

export const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url));
export const tlsFiles = {
  ca_file: fixture('cert.pem'),
  cert_file: fixture('cert.pem'),
  key_file: fixture('key.pem'),
};

export async function startTlsServer(
  t: TestContext,
  behaviour: Behaviour,
  options: { readonly wantsCertificate?: boolean; readonly port?: number } = {},
): Promise<TlsServer> {
  const asked: Asked[] = [];
  const sockets = new Set<Duplex>();
  let behave = behaviour;
  const cert = readFileSync(tlsFiles.cert_file);
  const server = createServer(
    {
      cert,
      key: readFileSync(tlsFiles.key_file),
      ...(options.wantsCertificate && { ca: cert, requestCert: true, rejectUnauthorized: true }),
    },
    (request, response) => {
      const one = { url: new URL(request.url ?? '', 'https://server'), headers: request.headers };
      asked.push(one);
      behave(one, response, request);
    },
  );
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {}); // a client cut off may report an error
  });
  server.on('tlsClientError', () => {});
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const die = async () => {
    for (const socket of sockets) socket.destroy();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
  t.after(die);
  return {
    endpoint: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    behave: (next) => {
      behave = next;
    },
    connections: () => sockets.size,
    die,
  };
}

export const sayJson =
  (value: unknown, status = 200): Behaviour =>
  (_asked, response) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(value));
  };

/** As the API server refuses; a kubelet does it in plain text. */
export const sayStatus = (code: number, message: string, reason = ''): Behaviour =>
  sayJson({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code }, code);

export const sayText =
  (text: string, status: number, headers: Readonly<Record<string, string>> = {}): Behaviour =>
  (_asked, response) => {
    response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', ...headers });
    response.end(text);
  };
