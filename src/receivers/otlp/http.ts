import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { serveConnections } from '../../net/serve-connections.ts';
import { encodeStatus, type RpcStatus } from '../../otlp/status-message.ts';
import { codecOf, type OtlpSignal } from '../../telemetry/otlp.ts';
import type { OtlpEncoding } from '../../telemetry/otlp-codec.ts';
import type { Bytes } from '../../telemetry/units.ts';
import { type Body, readBody } from './body.ts';
import type { ProtocolServer } from './config.ts';
import { codes, type Intake, type Reply } from './intake.ts';

export interface HttpOptions {
  readonly paths: ReadonlyMap<string, OtlpSignal>;
  readonly maxBody: Bytes;
  readonly intake: Intake;
  /** A request that did not arrive whole. */
  onUnread(): void;
}

const encodings: Readonly<Record<string, OtlpEncoding>> = {
  'application/x-protobuf': 'proto',
  'application/json': 'json',
};

/** OTLP over HTTP, on connections that it is given. */
export function createHttp(options: HttpOptions): ProtocolServer {
  // headers as long as the Collector waits for them; a body of 20 MiB may take longer
  const server = serveConnections(
    { headersTimeout: 60_000, requestTimeout: 300_000 },
    (request, response) =>
      void answer(request, response, options).catch(() => {
        options.onUnread();
        response.destroy();
      }),
  );
  return {
    accept: (socket: Socket) => void server.emit('connection', socket),
    stop: () => server.closeIdleConnections(),
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: HttpOptions,
): Promise<void> {
  const { intake, paths } = options;
  const signal = paths.get((request.url ?? '').split('?')[0] ?? '');
  if (signal === undefined || !intake.signals.has(signal))
    return refuse(404, 'not_found', 'nothing takes data here');
  if (request.method !== 'POST') {
    response.setHeader('Allow', 'POST');
    return refuse(405, 'method', 'method not allowed, supported: [POST]');
  }
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  const encoding = Object.hasOwn(encodings, type) ? encodings[type] : undefined;
  if (encoding === undefined)
    return refuse(
      415,
      'content_type',
      `unsupported media type, supported: [${Object.keys(encodings).join(', ')}]`,
    );
  const room = intake.room();
  if (room === undefined) return send(intake.deferred('stopping'), { signal, encoding, response });
  try {
    const body = await readBody(request, { limit: options.maxBody, room });
    if (body.kind !== 'read') return refuseBody(body.kind, signal, encoding);
    const reply = await intake.take({ signal, bytes: body.bytes, encoding, transport: 'http' });
    send(reply, { signal, encoding, response });
  } finally {
    room.free();
  }

  function refuse(code: number, reason: string, text: string): void {
    intake.rejected(reason, 'http');
    request.resume();
    response.writeHead(code, { 'Content-Type': 'text/plain; charset=utf-8' }).end(`${code} ${text}\n`);
  }

  function refuseBody(kind: Exclude<Body['kind'], 'read'>, of: OtlpSignal, as: OtlpEncoding): void {
    response.setHeader('Connection', 'close'); // the rest of the body is not read
    if (kind === 'busy') {
      send(intake.deferred(kind), { signal: of, encoding: as, response });
      return;
    }
    intake.rejected(kind, 'http');
    const { code, message } = bodyRefusals[kind];
    sendStatus(code, { code: codes.invalidArgument, message }, { encoding: as, response });
  }
}

const bodyRefusals = {
  too_large: { code: 413, message: 'the body is too large' },
  damaged: { code: 400, message: 'the body cannot be decompressed' },
  unknown_encoding: { code: 415, message: 'Content-Encoding is none of gzip, deflate, zstd, identity' },
} as const;

interface Answering {
  readonly encoding: OtlpEncoding;
  readonly response: ServerResponse;
}

const statusOf: Readonly<Record<number, number>> = {
  [codes.invalidArgument]: 400,
  [codes.internal]: 500,
  [codes.resourceExhausted]: 503,
  [codes.unavailable]: 503,
};

function send(reply: Reply, { signal, ...to }: Answering & { readonly signal: OtlpSignal }): void {
  if (reply.kind === 'refused') sendStatus(statusOf[reply.status.code] ?? 500, reply.status, to);
  else write(200, codecOf(signal).writeAnswer(reply.answer, to.encoding), to);
}

function sendStatus(code: number, status: RpcStatus, to: Answering): void {
  if (status.after !== undefined) to.response.setHeader('Retry-After', Math.ceil(status.after / 1e9));
  write(code, encodeStatus(status, to.encoding), to);
}

const contentTypes = { proto: 'application/x-protobuf', json: 'application/json' } as const;

function write(code: number, body: Uint8Array, { encoding, response }: Answering): void {
  response
    .writeHead(code, { 'Content-Type': contentTypes[encoding], 'Content-Length': body.length })
    .end(body);
}
