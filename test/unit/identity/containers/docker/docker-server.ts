import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * A server of our own in place of Docker's: it answers as the test wants, well or badly. What real ones answer is
 * tested with Podman (`test/e2e/unattached/podman.test.ts`).
 */
export interface DockerServer {
  readonly socketPath: string;
  /** By path; absent: 404. */
  readonly answers: Map<string, Answer>;
  readonly requested: string[];
  /** Sends a line to all followers of `/events`. */
  emit(line: unknown): void;
  readonly followers: ReadonlySet<ServerResponse>;
  /** Cuts all connections. */
  cut(): void;
  close(): Promise<void>;
}

export const json =
  (value: unknown): Answer =>
  (_request, response) =>
    void response.setHeader('Content-Type', 'application/json').end(JSON.stringify(value));

export async function startDockerServer(socketPath: string): Promise<DockerServer> {
  const answers = new Map<string, Answer>();
  const requested: string[] = [];
  const followers = new Set<ServerResponse>();
  const sockets = new Set<Socket>();
  answers.set('/version', json({ Version: '27.0.0', Components: [{ Name: 'Engine' }] }));
  answers.set('/containers/json', json([]));
  answers.set('/events', (_request, response) => {
    followers.add(response);
    response.on('close', () => followers.delete(response));
    response.flushHeaders();
  });
  const server = createServer((request, response) => {
    const [path = ''] = (request.url ?? '').split('?');
    requested.push(path);
    const answer = answers.get(path);
    if (answer) answer(request, response);
    else response.writeHead(404).end('{"message":"no such container"}');
  });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await listening(server, socketPath);
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    socketPath,
    answers,
    requested,
    followers,
    emit(line) {
      for (const follower of followers) follower.write(`${JSON.stringify(line)}\n`);
    },
    cut,
    async close() {
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      cut();
      await promise;
    },
  };
}

async function listening(server: Server, socketPath: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject).listen(socketPath, resolve);
  await promise;
}
