import type { Agent, IncomingMessage } from 'node:http';
import https from 'node:https';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import * as http from '../../net/node-http.ts';
import { type Bytes, type Nanoseconds, seconds, toMilliseconds } from '../../telemetry/units.ts';
import { version } from '../../version.ts';
import type { CredentialStore, Credentials } from './credentials.ts';
import { explainFailure, explainStatus } from './explain.ts';
import { KubeError } from './kube-error.ts';

export interface KubeRequest {
  /** With its query. */
  readonly path: string;
  /** For the whole answer; `tick` ends an overdue request. */
  readonly timeout: Nanoseconds;
  /** For the beginning of the answer, if shorter. */
  readonly answerWithin?: Nanoseconds;
  /** Of the answer, unpacked. */
  readonly maxBytes: Bytes;
  readonly accept?: string;
  /** The answer has a status of success; its body follows. */
  answered?(): void;
  /** The next part of the answer. An error thrown ends the request. */
  receive(part: Buffer): void;
}

/** Each chunk is a turn of another thread, which waits for a CPU: with Node's 16 KiB, 4,096 turns for the largest answer. */
const gunzipBytes = 256 * 1024;

const maxErrorBytes = 16 * 1024;
const json = 'application/json';
/** A silent peer is probed after this; Node.js has ten probes follow, a second apart. */
const keepAliveAfter = seconds(30);

/**
 * A read-only client of the API of Kubernetes and of kubelets. It sets no timers: `tick` ends overdue requests. An answer
 * is never in memory as a whole.
 */
export class KubeClient {
  readonly #credentials: CredentialStore;
  readonly #serverOf: (credentials: Credentials) => URL;
  readonly #elapsed: () => Nanoseconds;
  readonly #running = new Set<{ until: number; readonly abort: AbortController }>();
  #agent: Agent | undefined;
  #agentOf = '';
  #isClosed = false;

  constructor(options: {
    credentials: CredentialStore;
    /** Throws where there is no server. */
    serverOf: (credentials: Credentials) => URL;
    elapsed: () => Nanoseconds;
  }) {
    this.#credentials = options.credentials;
    this.#serverOf = options.serverOf;
    this.#elapsed = options.elapsed;
  }

  /** Resolves when the whole answer has been received. Rejects with a `KubeError` and nothing else. */
  async get(request: KubeRequest): Promise<void> {
    if (this.#isClosed) throw closedError();
    const abort = new AbortController();
    const started = this.#elapsed();
    const running = { until: started + (request.answerWithin ?? request.timeout), abort };
    this.#running.add(running);
    const answered = () => {
      running.until = started + request.timeout;
      request.answered?.();
    };
    try {
      await this.#get({ ...request, answered }, abort.signal);
    } catch (error) {
      if (abort.signal.aborted) throw abort.signal.reason;
      throw error instanceof KubeError ? error : ownError(error);
    } finally {
      this.#running.delete(running);
    }
  }

  /** Ends overdue requests. */
  tick(): void {
    const now = this.#elapsed();
    for (const { until, abort } of this.#running)
      if (now >= until) abort.abort(new KubeError('timeout', 'no complete answer in time'));
  }

  close(): void {
    this.#isClosed = true;
    for (const { abort } of this.#running) abort.abort(closedError());
    this.#agent?.destroy();
  }

  async #get(request: KubeRequest, signal: AbortSignal): Promise<void> {
    const credentials = await this.#credentials.read();
    signal.throwIfAborted();
    try {
      await this.#ask(request, credentials, signal);
    } catch (error) {
      if (!(error instanceof KubeError) || error.reason !== 'unauthorized') throw error;
      const renewed = await this.#credentials.read({ now: true });
      signal.throwIfAborted();
      if (renewed === credentials) throw error;
      await this.#ask(request, renewed, signal);
    }
  }

  async #ask(request: KubeRequest, credentials: Credentials, signal: AbortSignal): Promise<void> {
    const server = this.#serverOf(credentials);
    // The base may have a path of its own, where several clusters are behind one address.
    const url = new URL(server.pathname.replace(/\/$/, '') + request.path, server);
    if (url.protocol === 'http:' && credentials.token !== undefined)
      throw new KubeError('credentials', `${server.origin} would send the token unencrypted: use https://`);
    const agent = this.#agentFor(url, credentials);
    let response: IncomingMessage;
    try {
      response = await open(url, { agent, credentials, signal, accept: request.accept ?? json });
    } catch (cause) {
      throw explainFailure(cause, server.origin);
    }
    await receive(response, request, server.origin);
  }

  /** Connections are kept as long as they were opened with the current certificates. */
  #agentFor(url: URL, { tls }: Credentials): Agent {
    const of = JSON.stringify([url.origin, tls]);
    if (this.#agent && of === this.#agentOf) return this.#agent;
    this.#agent?.destroy();
    const options = { keepAlive: true, maxSockets: 8, maxFreeSockets: 2 };
    this.#agentOf = of;
    this.#agent =
      url.protocol === 'http:' ? new http.Agent(options) : new https.Agent({ ...options, ...tls });
    return this.#agent;
  }
}

interface Asking {
  readonly agent: Agent;
  readonly credentials: Credentials;
  readonly signal: AbortSignal;
  readonly accept: string;
}

function open(url: URL, asking: Asking, isSecondTry = false): Promise<IncomingMessage> {
  const { agent, credentials, signal, accept } = asking;
  return new Promise((resolve, reject) => {
    const headers = {
      accept,
      'accept-encoding': 'gzip',
      'user-agent': `earshot/${version}`,
      ...(credentials.token !== undefined && { authorization: `Bearer ${credentials.token}` }),
    };
    const send = url.protocol === 'http:' ? http.get : https.get;
    const request = send(url, { agent, headers, signal });
    request.setSocketKeepAlive(true, toMilliseconds(keepAliveAfter));
    request.on('response', resolve);
    request.on('error', (error: NodeJS.ErrnoException) => {
      // The server closed a kept connection at its reuse: the request has not been processed.
      if (error.code === 'ECONNRESET' && request.reusedSocket && !isSecondTry && !signal.aborted)
        resolve(open(url, asking, true));
      else reject(error);
    });
  });
}

async function receive(response: IncomingMessage, request: KubeRequest, server: string): Promise<void> {
  const { statusCode = 0, headers } = response;
  const isRefusal = statusCode < 200 || statusCode > 299;
  const limit = isRefusal ? maxErrorBytes : request.maxBytes;
  let bytes = 0;
  const refusal: Buffer[] = [];
  const take = (part: Buffer) => {
    try {
      request.receive(part);
    } catch (error) {
      throw error instanceof KubeError ? error : ownError(error);
    }
  };
  const consume = async (parts: AsyncIterable<Buffer>) => {
    for await (const part of parts) {
      bytes += part.length;
      if (bytes > limit) {
        if (isRefusal) return;
        throw new KubeError('too_large', `${server} answers with more than ${limit} bytes`);
      }
      if (isRefusal) refusal.push(part);
      else take(part);
    }
  };
  if (!isRefusal) {
    const type = headers['content-type'] ?? 'nothing';
    if (!type.startsWith(json)) {
      response.destroy();
      throw new KubeError(
        'invalid_response',
        `${server} answers with ${type.slice(0, 50)}, not with JSON; is it another service?`,
      );
    }
    request.answered?.();
  }
  try {
    if (headers['content-encoding'] === 'gzip')
      await pipeline(response, createGunzip({ chunkSize: gunzipBytes }), consume);
    else await pipeline(response, consume);
  } catch (cause) {
    if (!isRefusal) throw cause instanceof KubeError ? cause : explainFailure(cause, server, true);
  }
  if (isRefusal)
    throw explainStatus({ status: statusCode, headers, text: Buffer.concat(refusal).toString(), server });
}

const ownError = (cause: unknown) => new KubeError('error', `cannot take the answer: ${cause}`, { cause });
const closedError = () => new KubeError('closed', 'the source is closed');
