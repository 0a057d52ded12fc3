import type { ClientRequest, IncomingMessage } from 'node:http';
import { type Bytes, type Nanoseconds, toMilliseconds } from '../telemetry/units.ts';
import { version } from '../version.ts';
import { request } from './node-http.ts';
import { type FailureReason, RequestError, reasonOfStatus, requestError } from './request-error.ts';

export interface UnixHttpOptions {
  readonly socketPath: string;
  /** For each answer; a stream of lines has none. */
  readonly timeout: Nanoseconds;
  readonly maxBody: Bytes;
  readonly maxLine: Bytes;
}

/** Why a unix socket cannot be used. */
export const socketErrors: Readonly<Partial<Record<FailureReason, string>>> = {
  unreachable: 'no process listens on its socket',
  forbidden: 'no permission to connect to its socket',
};

/** HTTP over a unix socket, a connection for each request: there are few, and none can hold up another. */
export class UnixHttp {
  readonly #options: UnixHttpOptions;
  readonly #requests = new Set<ClientRequest>();

  constructor(options: UnixHttpOptions) {
    this.#options = options;
  }

  getJson(path: string): Promise<unknown> {
    return this.json('GET', path);
  }

  /** Without a body. */
  async json(method: 'GET' | 'POST', path: string): Promise<unknown> {
    const { timeout, maxBody } = this.#options;
    const body: Buffer[] = [];
    let length = 0;
    await this.#request(path, {
      method,
      signal: AbortSignal.timeout(toMilliseconds(timeout)),
      onData(chunk) {
        length += chunk.length;
        if (length > maxBody)
          throw new RequestError('too_large', `${path} answered more than ${maxBody} bytes`);
        body.push(chunk);
      },
    });
    return parse(Buffer.concat(body).toString(), path);
  }

  /** Each line as JSON, until the server ends the stream. */
  async followJson(path: string, onValue: (value: unknown) => void): Promise<void> {
    const { maxLine } = this.#options;
    const utf8 = new TextDecoder();
    let rest = '';
    await this.#request(path, {
      onData(chunk) {
        const lines = (rest + utf8.decode(chunk, { stream: true })).split('\n');
        rest = lines.pop() ?? '';
        if (rest.length > maxLine)
          throw new RequestError('too_large', `${path} has a line of more than ${maxLine} bytes`);
        for (const line of lines) if (line.trim() !== '') onValue(parse(line, path));
      },
    });
  }

  close(): void {
    for (const request of this.#requests) request.destroy(new RequestError('connection_reset', 'closed'));
  }

  /** Resolves at the end of the body; an error of `onData` ends the request. */
  #request(
    path: string,
    {
      method = 'GET',
      signal,
      onData,
    }: { readonly method?: string; readonly signal?: AbortSignal; onData(chunk: Buffer): void },
  ): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const headers = { Host: 'localhost', 'User-Agent': `earshot/${version}` };
    const { socketPath } = this.#options;
    const sent = request({ socketPath, method, path, headers, agent: false });
    const expire = () => sent.destroy(new RequestError('timeout', `${path} had no answer in time`));
    signal?.addEventListener('abort', expire);
    this.#requests.add(sent);
    sent.on('error', (error) => reject(explain(error)));
    sent.on('response', (response) => {
      const { statusCode = 0 } = response;
      // Destroying the request destroys its answer with the same error; the first one counts.
      response.on('error', (error) => reject(explain(error)));
      response.on('close', () =>
        response.complete ? resolve() : reject(new RequestError('connection_reset', `${path} ended early`)),
      );
      if (statusCode !== 200) {
        reject(new RequestError(reasonOfStatus(statusCode), `${path} answered ${statusCode}`));
        sent.destroy();
        return;
      }
      consume(response, { request: sent, onData });
    });
    sent.end();
    return promise.finally(() => {
      signal?.removeEventListener('abort', expire);
      this.#requests.delete(sent);
    });
  }
}

function consume(
  response: IncomingMessage,
  { request, onData }: { readonly request: ClientRequest; onData(chunk: Buffer): void },
): void {
  response.on('data', (chunk: Buffer) => {
    if (request.destroyed) return;
    try {
      onData(chunk);
    } catch (error) {
      request.destroy(requestError(error));
    }
  });
}

function parse(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new RequestError('invalid_response', `${path} answered no JSON`, { cause });
  }
}

function explain(error: Error): RequestError {
  const { reason, message } = requestError(error);
  const meaning = reason === 'invalid_response' ? `it does not speak HTTP: ${message}` : socketErrors[reason];
  return meaning === undefined ? requestError(error) : new RequestError(reason, meaning, { cause: error });
}
