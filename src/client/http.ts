import type { IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { Agent as HttpAgent, request as httpRequest } from '../net/node-http.ts';
import { version } from '../version.ts';
import type { Tls } from './tls.ts';
import type { TlsClientConfig } from './tls-keys.ts';

export interface HttpConfig {
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsClientConfig;
}

export interface Post {
  readonly headers: Readonly<Record<string, string>>;
  /** The host is not the one for which headers are configured: it gets none of them. */
  readonly isForeign?: boolean;
  readonly body: Uint8Array;
  readonly abort: AbortSignal;
}

export interface Response {
  readonly status: number;
  readonly contentType: string;
  /** `Retry-After` and `Location`, as they came. */
  readonly retryAfter: string | undefined;
  readonly location: string | undefined;
  /** Cut at a bound. */
  readonly body: Buffer;
}

/** Connections that stay open between requests, through a proxy where the environment names one. */
export interface HttpConnection {
  /** Rejects where no whole answer came. */
  post(url: URL, post: Post): Promise<Response>;
  close(): void;
}

/** As much of an answer as the Collector reads. */
const longestAnswer = 64 * 1024;

/** Nothing connects before the first request. */
export function openHttp({ headers, tls }: HttpConfig, secure: Tls): HttpConnection {
  const shared = { keepAlive: true, proxyEnv: process.env };
  const agents = {
    'http:': new HttpAgent(shared),
    'https:': new HttpsAgent({
      ...shared,
      secureContext: secure.context,
      ...(tls.server_name_override !== undefined && { servername: tls.server_name_override }),
      rejectUnauthorized: !tls.insecure_skip_verify,
    }),
  } as const;
  return {
    post(url, { headers: own, isForeign = false, body, abort }) {
      const { promise, resolve, reject } = Promise.withResolvers<Response>();
      const isTls = url.protocol === 'https:';
      const request = (isTls ? httpsRequest : httpRequest)(url, {
        method: 'POST',
        agent: agents[isTls ? 'https:' : 'http:'],
        headers: {
          'User-Agent': `earshot/${version}`,
          ...(!isForeign && headers),
          ...own,
          'Content-Length': body.length,
        },
        signal: abort,
      });
      request.on('error', reject);
      request.on('response', (response) => readResponse(response).then(resolve, reject));
      request.end(body);
      return promise;
    },
    close() {
      for (const agent of Object.values(agents)) agent.destroy();
    },
  };
}

async function readResponse(response: IncomingMessage): Promise<Response> {
  const chunks: Buffer[] = [];
  let left = longestAnswer;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk.subarray(0, left));
    left -= chunk.length;
    if (left <= 0) break; // ends the connection: the rest is not wanted
  }
  const { statusCode = 0, headers } = response;
  return {
    status: statusCode,
    contentType: headers['content-type'] ?? '',
    retryAfter: headers['retry-after'],
    location: headers.location,
    body: Buffer.concat(chunks),
  };
}
