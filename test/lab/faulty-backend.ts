import { EventEmitter, once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import {
  createServer as createHttp2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo, Server } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { decodeMetrics, type ReceivedMetrics } from './otlp-decode.ts';
import { partialSuccess, statusDetails } from './otlp-receiver.ts';

/** One request of an exporter, named by its header `x-row`. */
export interface Arrival {
  /** From 1; counts those that were cut too. */
  readonly ordinal: number;
  /** How often its first item came, with this time. */
  readonly attempt: number;
  readonly ids: readonly string[];
  /** Milliseconds. */
  readonly at: number;
}

/** What is done with a request. Its items are kept where it says so, and are the server's from then on. */
export type Reaction =
  | { readonly kind: 'accept' }
  /** Keeps all but the first items. */
  | { readonly kind: 'partial'; readonly rejected: number }
  /** Keeps it, and answers so many milliseconds later, or after this. */
  | { readonly kind: 'late'; readonly after: number | Promise<void> }
  | { readonly kind: 'http'; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  | { readonly kind: 'grpc'; readonly code: number; readonly retryAfter?: number; readonly reset?: true }
  | { readonly kind: 'reset'; readonly code: number }
  /** The server ends the connection in order, and has not seen the request. */
  | { readonly kind: 'goaway' }
  | { readonly kind: 'garbage' }
  | { readonly kind: 'hang' };

export interface Row {
  /** By id of an item: how often it was kept. */
  readonly kept: ReadonlyMap<string, number>;
  readonly arrivals: readonly Arrival[];
}

export interface FaultyBackend {
  readonly http: string;
  readonly grpc: string;
  row(name: string): Row;
  /** What the agent reports about itself, the latest. */
  own(): readonly ReceivedMetrics[];
  /** Resolves as soon as the condition holds; it is asked again after each request. */
  until(condition: () => boolean): Promise<void>;
  close(): Promise<void>;
}

export interface Behaviour {
  react(row: string, arrival: Arrival): Reaction;
  /** Whether the connection ends before the request is read. */
  cuts(row: string, ordinal: number): boolean;
}

/** OTLP over HTTP and gRPC for metrics, by the bytes of the protocols: it does what no library's server would. */
export async function startFaultyBackend({ react, cuts }: Behaviour): Promise<FaultyBackend> {
  const rows = new Map<string, { kept: Map<string, number>; arrivals: Arrival[]; ordinal: number }>();
  const arrived = new EventEmitter();
  let own: readonly ReceivedMetrics[] = [];
  const sessions = new Set<ServerHttp2Session>();
  const rowOf = (name: string) => {
    const row = rows.get(name) ?? { kept: new Map<string, number>(), arrivals: [], ordinal: 0 };
    rows.set(name, row);
    return row;
  };

  /** A request that was read whole; undefined: it is the agent's own telemetry. */
  function reactionTo(name: string | undefined, body: Buffer, ordinal: number): Reaction {
    if (name === undefined) {
      own = decodeMetrics(body);
      return { kind: 'accept' };
    }
    const { kept, arrivals } = rowOf(name);
    const ids = idsIn(decodeMetrics(body));
    const attempt = arrivals.filter(({ ids: [first] }) => first === ids[0]).length + 1;
    const arrival: Arrival = { ordinal, attempt, ids, at: performance.now() };
    arrivals.push(arrival);
    const reaction = react(name, arrival);
    for (const id of keptOf(ids, reaction)) kept.set(id, (kept.get(id) ?? 0) + 1);
    arrived.emit('request');
    return reaction;
  }

  const begin = (headers: IncomingHttpHeaders) => {
    const name = headers['x-row'] === undefined ? undefined : String(headers['x-row']);
    if (name === undefined) return { name, ordinal: 0, isCut: false };
    const row = rowOf(name);
    row.ordinal += 1;
    return { name, ordinal: row.ordinal, isCut: cuts(name, row.ordinal) };
  };

  const http = createHttpServer(async (request: IncomingMessage, response: ServerResponse) => {
    const { name, ordinal, isCut } = begin(request.headers);
    if (isCut) request.socket.destroy();
    else answerHttp(response, reactionTo(name, Buffer.concat(await request.toArray()), ordinal));
  });
  const grpc = createHttp2Server();
  grpc.on('session', (session) => {
    sessions.add(session);
    session.on('error', () => {}); // ends as it is made to
  });
  grpc.on('stream', async (stream, headers) => {
    stream.on('error', () => {}); // ends as it is made to
    const { name, ordinal, isCut } = begin(headers);
    if (isCut) {
      stream.session?.destroy();
      return;
    }
    const framed = await stream.toArray().catch(() => undefined); // the agent has ended it
    // behind a flag and four bytes of length
    if (framed) answerGrpc(stream, reactionTo(name, Buffer.concat(framed).subarray(5), ordinal));
  });
  const ports = await Promise.all([http, grpc].map(listen));
  return {
    http: `http://127.0.0.1:${ports[0]}`,
    grpc: `127.0.0.1:${ports[1]}`,
    row: rowOf,
    own: () => own,
    async until(condition) {
      while (!condition()) await once(arrived, 'request');
    },
    async close() {
      http.closeAllConnections();
      http.close();
      for (const session of sessions) session.destroy();
      grpc.close();
    },
  };
}

export async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port; // of a TCP server
}

/** One for each data point of the load: its time and number. */
function idsIn(resources: readonly ReceivedMetrics[]): readonly string[] {
  return resources.flatMap(({ metrics }) =>
    metrics.flatMap(({ points }) => points.map(({ time, attributes }) => `${time} ${attributes.number}`)),
  );
}

function keptOf(ids: readonly string[], reaction: Reaction): readonly string[] {
  if (reaction.kind === 'partial') return ids.slice(reaction.rejected);
  return reaction.kind === 'accept' || reaction.kind === 'late' ? ids : [];
}

const past = (after: number | Promise<void>) =>
  typeof after === 'number' ? pause(after, undefined, { ref: false }) : after;

const garbage = Buffer.from('<html>not OTLP</html>');

function answerHttp(response: ServerResponse, reaction: Reaction): void {
  const ok = (body: Buffer) => {
    response.writeHead(200, { 'Content-Type': 'application/x-protobuf' }).end(body);
  };
  switch (reaction.kind) {
    case 'accept':
      ok(Buffer.alloc(0));
      break;
    case 'partial':
      ok(partialSuccess(reaction.rejected, 'too old'));
      break;
    case 'late':
      void past(reaction.after).then(() => ok(Buffer.alloc(0)));
      break;
    case 'http':
      response.writeHead(reaction.status, reaction.headers).end();
      break;
    case 'garbage':
      ok(garbage);
      break;
    case 'hang':
      break;
    default:
      throw new Error(`HTTP has no ${reaction.kind}`);
  }
}

function answerGrpc(stream: ServerHttp2Stream, reaction: Reaction): void {
  switch (reaction.kind) {
    case 'accept':
      answer(stream, Buffer.alloc(0));
      break;
    case 'partial':
      answer(stream, partialSuccess(reaction.rejected, 'too old'));
      break;
    case 'late':
      void past(reaction.after).then(() => answer(stream, Buffer.alloc(0)));
      break;
    case 'garbage':
      answer(stream, garbage);
      break;
    case 'grpc':
      answerStatus(stream, reaction);
      break;
    case 'reset':
      stream.close(reaction.code);
      break;
    case 'goaway':
      stream.session?.goaway(0, Math.max(0, (stream.id ?? 1) - 2));
      stream.session?.destroy();
      break;
    case 'hang':
      break;
    case 'http':
      stream.respond({ ':status': reaction.status }, { endStream: true });
  }
}

function answerStatus(
  stream: ServerHttp2Stream,
  { code, retryAfter, reset }: Extract<Reaction, { kind: 'grpc' }>,
): void {
  const details = retryAfter === undefined ? undefined : statusDetails(code, 'no', retryAfter);
  const status = {
    ...{ ':status': 200, 'content-type': 'application/grpc' },
    ...{ 'grpc-status': String(code), 'grpc-message': 'no' },
    ...(details && { 'grpc-status-details-bin': details.toString('base64') }),
  };
  stream.respond(status, { endStream: true });
  if (reset) stream.close(0);
}

function answer(stream: ServerHttp2Stream, message: Buffer): void {
  if (stream.destroyed) return;
  const frame = Buffer.alloc(5);
  frame.writeUInt32BE(message.length, 1);
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.end(Buffer.concat([frame, message]));
}
