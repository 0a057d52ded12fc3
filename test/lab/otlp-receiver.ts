import { EventEmitter, once } from 'node:events';
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type sendUnaryData,
  type status,
} from '@grpc/grpc-js';
import {
  decodeLogs,
  decodeMetrics,
  decodeTraces,
  type ReceivedLogs,
  type ReceivedMetrics,
  type ReceivedTraces,
} from './otlp-decode.ts';

/** An OTLP/gRPC server of the official protocol definitions on a free port. */
export interface OtlpReceiver {
  /** `host:port`. */
  readonly endpoint: string;
  /** One entry for each request, in order of arrival. */
  metrics(): readonly Request<ReceivedMetrics>[];
  logs(): readonly Request<ReceivedLogs>[];
  traces(): readonly Request<ReceivedTraces>[];
  /** What is answered from now on; `accept` at first. */
  answer(how: Answer): void;
  /** Resolves as soon as the condition holds; it is asked again after each request. */
  until(condition: () => boolean): Promise<void>;
  close(): Promise<void>;
}

export type Answer =
  | { readonly kind: 'accept' }
  | { readonly kind: 'partial'; readonly rejected: number; readonly message: string }
  | { readonly kind: 'fail'; readonly code: status; readonly message: string; readonly retryAfterMs?: number }
  /** A successful answer whose body is no OTLP. */
  | { readonly kind: 'garbage' }
  | { readonly kind: 'never' };

export interface Request<Content> {
  readonly headers: Readonly<Record<string, string>>;
  /** Size of the message after decompression. */
  readonly bytes: number;
  /** The message itself. */
  readonly body: Uint8Array;
  readonly resources: readonly Content[];
}

const metricsPath = '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export';
const logsPath = '/opentelemetry.proto.collector.logs.v1.LogsService/Export';
const tracesPath = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';

export async function startOtlpReceiver(
  options: {
    readonly tls?: { readonly key: Buffer; readonly cert: Buffer };
    readonly maxBytes?: number;
    /** Address of this machine; another one for senders in another network. */
    readonly host?: string;
  } = {},
): Promise<OtlpReceiver> {
  const metrics: Request<ReceivedMetrics>[] = [];
  const logs: Request<ReceivedLogs>[] = [];
  const traces: Request<ReceivedTraces>[] = [];
  const arrivals = new EventEmitter();
  let answer: Answer = { kind: 'accept' };
  const { host = '127.0.0.1' } = options;

  const unary = <Content>(requests: Request<Content>[], decode: (bytes: Buffer) => readonly Content[]) =>
    function handle(call: ServerUnaryCall<Buffer, Buffer>, reply: sendUnaryData<Buffer>) {
      const headers = Object.fromEntries(
        Object.entries(call.metadata.getMap()).map(([key, value]) => [key, String(value)]),
      );
      requests.push({
        headers,
        bytes: call.request.length,
        body: call.request,
        resources: decode(call.request),
      });
      arrivals.emit('request');
      respond(answer, reply);
    };
  const method = (path: string) => ({
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: (bytes: Buffer) => bytes,
    requestDeserialize: (bytes: Buffer) => bytes,
    responseSerialize: (bytes: Buffer) => bytes,
    responseDeserialize: (bytes: Buffer) => bytes,
  });

  const server = new Server({
    'grpc.enable_channelz': 0,
    'grpc.max_receive_message_length': options.maxBytes ?? 4 * 1024 * 1024,
  });
  server.addService({ export: method(metricsPath) }, { export: unary(metrics, decodeMetrics) });
  server.addService({ export: method(logsPath) }, { export: unary(logs, decodeLogs) });
  server.addService({ export: method(tracesPath) }, { export: unary(traces, decodeTraces) });
  const credentials = options.tls
    ? ServerCredentials.createSsl(null, [{ private_key: options.tls.key, cert_chain: options.tls.cert }])
    : ServerCredentials.createInsecure();
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`${host}:0`, credentials, (error, bound) => (error ? reject(error) : resolve(bound)));
  });

  return {
    endpoint: `${host}:${port}`,
    metrics: () => metrics,
    logs: () => logs,
    traces: () => traces,
    answer(how) {
      answer = how;
    },
    async until(condition) {
      while (!condition()) await once(arrivals, 'request');
    },
    async close() {
      server.forceShutdown();
    },
  };
}

function respond(answer: Answer, reply: sendUnaryData<Buffer>): void {
  switch (answer.kind) {
    case 'accept':
      reply(null, Buffer.alloc(0));
      break;
    case 'partial':
      reply(null, partialSuccess(answer.rejected, answer.message));
      break;
    case 'garbage':
      reply(null, Buffer.from('<html>'));
      break;
    case 'fail': {
      const metadata = new Metadata();
      if (answer.retryAfterMs !== undefined)
        metadata.set(
          'grpc-status-details-bin',
          statusDetails(answer.code, answer.message, answer.retryAfterMs),
        );
      reply({ code: answer.code, details: answer.message, metadata });
      break;
    }
    case 'never':
  }
}

/** The answer of each signal's service, with what was rejected. */
export const partialSuccess = (rejected: number, text: string): Buffer =>
  message(1, Buffer.concat([varint(1, rejected), message(2, text)]));

/** google.rpc.Status with one google.rpc.RetryInfo. */
export function statusDetails(code: status, text: string, retryAfterMs: number): Buffer {
  const delay = Buffer.concat([
    varint(1, Math.floor(retryAfterMs / 1000)),
    varint(2, (retryAfterMs % 1000) * 1e6),
  ]);
  const retryInfo = Buffer.concat([
    message(1, 'type.googleapis.com/google.rpc.RetryInfo'),
    message(2, message(1, delay)),
  ]);
  return Buffer.concat([varint(1, code), message(2, text), message(3, retryInfo)]);
}

function varint(field: number, value: number): Buffer {
  const bytes = [field << 3];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}

function message(field: number, content: Buffer | string): Buffer {
  const bytes = Buffer.from(content);
  const [, ...length] = varint(0, bytes.length);
  return Buffer.concat([Buffer.from([(field << 3) | 2, ...length]), bytes]);
}
