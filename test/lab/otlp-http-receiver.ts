import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import {
  decodeLogs,
  decodeMetrics,
  decodeTraces,
  jsonToProtobuf,
  type ReceivedLogs,
  type ReceivedMetrics,
  type ReceivedTraces,
} from './otlp-decode.ts';

/** An OTLP/HTTP server of the official protocol definitions on a free port of this machine. */
export interface OtlpHttpReceiver {
  /** `http://host:port`. */
  readonly endpoint: string;
  /** In order of arrival. */
  readonly requests: readonly HttpRequest[];
  /** What is answered from now on; 200 without a body at first. `undefined`: nothing. */
  answer(how: HttpAnswer | undefined): void;
  /** Resolves as soon as the condition holds; it is asked again after each request. */
  until(condition: () => boolean): Promise<void>;
  close(): Promise<void>;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
}

export interface HttpRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly metrics: readonly ReceivedMetrics[];
  readonly logs: readonly ReceivedLogs[];
  readonly traces: readonly ReceivedTraces[];
}

export async function startOtlpHttpReceiver(
  options: { readonly tls?: TlsOptions } = {},
): Promise<OtlpHttpReceiver> {
  const requests: HttpRequest[] = [];
  const arrivals = new EventEmitter();
  let answer: HttpAnswer | undefined = { status: 200 };
  const listener: RequestListener = async (request, response) => {
    const chunks: Buffer[] = await request.toArray();
    const path = request.url ?? '';
    requests.push({
      path,
      headers: request.headers,
      ...contentOf(path, request.headers, Buffer.concat(chunks)),
    });
    arrivals.emit('request');
    if (answer) response.writeHead(answer.status, answer.headers).end(answer.body);
  };
  const server = options.tls ? createTlsServer(options.tls, listener) : createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // of a TCP server
  return {
    endpoint: `${options.tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    requests,
    answer(how) {
      answer = how;
    },
    async until(condition) {
      while (!condition()) await once(arrivals, 'request');
    },
    async close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function contentOf(path: string, headers: IncomingHttpHeaders, body: Buffer) {
  const content = { metrics: [], logs: [], traces: [] };
  const [standard] = /\/v1\/(metrics|logs|traces)$/.exec(path) ?? [];
  const encoding = headers['content-encoding'];
  const plain =
    encoding === 'gzip' ? gunzipSync(body) : encoding === 'zstd' ? zstdDecompressSync(body) : body;
  const bytes = (of: '/v1/metrics' | '/v1/logs' | '/v1/traces') =>
    headers['content-type'] === 'application/json' ? jsonToProtobuf(of, plain.toString()) : plain;
  switch (standard) {
    case '/v1/metrics':
      return { ...content, metrics: decodeMetrics(bytes(standard)) };
    case '/v1/logs':
      return { ...content, logs: decodeLogs(bytes(standard)) };
    case '/v1/traces':
      return { ...content, traces: decodeTraces(bytes(standard)) };
  }
  return content;
}
