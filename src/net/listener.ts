import { lstatSync, unlinkSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type SecureContextOptions, type TlsOptions } from 'node:tls';
import { parseHostPort } from './host-port.ts';

export interface ListenOptions {
  /** `host:port`; the path of a socket. */
  readonly endpoint: string;
  readonly transport: Transport;
  readonly tls?: TlsOptions;
  /** Further ones are not accepted, which has failed. */
  readonly maxConnections: number;
  /** One that is open, and secure where `tls` is there. */
  onConnection(socket: Socket): void;
  /** A connection that could not be accepted, such as without a free descriptor. */
  onFailed(reason: string): void;
  /** One that did not become secure. */
  onInsecure?(reason: string): void;
}

export const transports = ['tcp', 'tcp4', 'tcp6', 'unix'] as const;
export type Transport = (typeof transports)[number];

export interface Listener {
  /** Of port 0 the one that the kernel chose; of a socket 0. */
  readonly port: number;
  /** For connections from now on. */
  secure(context: SecureContextOptions): void;
  /** Accepts no more; open connections go on. */
  stop(): void;
  /** Ends its connections too. Idempotent. */
  close(): Promise<void>;
}

/** A peer that begins TLS and does not go on holds a connection no longer. */
const handshakeTimeout = 10_000;

/** Rejects with the endpoint and what to do where it cannot listen. */
export async function listen(options: ListenOptions): Promise<Listener> {
  const { endpoint, transport, tls, maxConnections, onConnection, onFailed, onInsecure } = options;
  const sockets = new Set<Socket>();
  const track = (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => {}); // of a peer that is gone; what reads from it learns of its end
  };
  const secureServer = tls && createTlsServer({ handshakeTimeout, ...tls }, onConnection);
  secureServer?.on('tlsClientError', ({ message }) => onInsecure?.(message));
  const server: Server = secureServer ?? createServer(onConnection);
  server.on('connection', track);
  server.maxConnections = maxConnections;
  if (transport === 'unix') await removeStale(endpoint);
  await bind(server, options);
  server.on('drop', () => onFailed(`cannot accept a connection at ${endpoint}: ${maxConnections} are open`));
  server.on('error', ({ message }) => onFailed(`cannot accept a connection at ${endpoint}: ${message}`));
  const address = server.address();
  let closed: Promise<unknown> | undefined;
  const stop = () => {
    closed ??= new Promise((done) => server.close(done));
  };
  return {
    port: typeof address === 'string' ? 0 : (address as AddressInfo).port, // it listens
    secure: (context) => secureServer?.setSecureContext(context),
    stop,
    async close() {
      stop();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

const anyAddress: Readonly<Partial<Record<Transport, string>>> = { tcp4: '0.0.0.0', tcp6: '::' };

function bind(server: Server, { endpoint, transport }: ListenOptions): Promise<void> {
  const { host = '', port } = parseHostPort(endpoint) ?? {};
  return new Promise((resolve, reject) => {
    const cannotListen = (cause: Error) => reject(listenError(endpoint, cause));
    server.once('error', cannotListen);
    const listening = () => {
      server.off('error', cannotListen);
      resolve();
    };
    if (transport === 'unix') {
      server.listen(endpoint, listening);
      return;
    }
    // Go takes IPv4 for this name too, where both are there.
    const local = transport === 'tcp6' ? '::1' : '127.0.0.1';
    const address = (host === 'localhost' ? local : host) || anyAddress[transport];
    server.listen({ port, ...(address && { host: address }), ipv6Only: transport === 'tcp6' }, listening);
  });
}

/** The socket of an agent that has ended; one on which a process listens, and a file that is no socket, stay. */
async function removeStale(path: string): Promise<void> {
  if (!lstatSync(path, { throwIfNoEntry: false })?.isSocket()) return;
  const isAlive = await new Promise<boolean>((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code !== 'ECONNREFUSED'));
  });
  if (!isAlive) unlinkSync(path);
}

function listenError(endpoint: string, cause: NodeJS.ErrnoException): Error {
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: 'another process listens there',
    EADDRNOTAVAIL: 'it is no address of this machine',
    EACCES: 'the user of the agent may not listen there',
  };
  const reason = reasons[cause.code ?? ''] ?? cause.message;
  return new Error(`cannot listen at ${endpoint}: ${reason}; set another endpoint`, { cause });
}
