import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { explainNetworkError } from '../../../net/explain.ts';
import { RequestError } from '../../../net/request-error.ts';
import { socketErrors } from '../../../net/unix-http.ts';
import { type Bytes, type Nanoseconds, toMilliseconds } from '../../../telemetry/units.ts';
import { version } from '../../../version.ts';
import type { Codec } from './messages.ts';

export interface CriChannelOptions {
  readonly path: string;
  /** For each request; a stream has none. */
  readonly timeout: Nanoseconds;
  readonly maxMessage: Bytes;
}

export interface CriRequest<Answer> {
  readonly message: Buffer;
  readonly answer: Codec<Answer>;
}

/** gRPC over a runtime's socket. Rejects with a `RequestError`. */
export class CriChannel {
  readonly #client: Client;
  readonly #timeout: Nanoseconds;
  /** A closed client would let them go on. */
  readonly #calls = new Set<{ cancel(): void }>();

  constructor({ path, timeout, maxMessage }: CriChannelOptions) {
    this.#timeout = timeout;
    this.#client = new Client(`unix:${path}`, credentials.createInsecure(), {
      'grpc.primary_user_agent': `earshot/${version}`,
      'grpc.max_receive_message_length': maxMessage,
      // Keeps a record of every call's sockets for ever.
      'grpc.enable_channelz': 0,
      'grpc.service_config_disable_resolution': 1,
      // A new client is a new connection; this source decides when to connect.
      'grpc.use_local_subchannel_pool': 1,
    });
  }

  /** `path`: `/package.Service/Method`. */
  request<Answer>(path: string, { message, answer }: CriRequest<Answer>): Promise<Answer> {
    const method = methodOf(path);
    return new Promise((resolve, reject) => {
      const deadline = AbortSignal.timeout(toMilliseconds(this.#timeout));
      const expire = () => {
        reject(lateError(method));
        call.cancel();
      };
      const call = this.#client.makeUnaryRequest<Buffer, Answer>(
        path,
        (bytes) => bytes,
        answer.decode,
        message,
        (error, value) => {
          deadline.removeEventListener('abort', expire);
          this.#calls.delete(call);
          if (error) reject(explain(error, method));
          else if (value === undefined)
            reject(new RequestError('invalid_response', `${method} answered nothing`));
          else resolve(value);
        },
      );
      deadline.addEventListener('abort', expire);
      this.#calls.add(call);
    });
  }

  /** Resolves when the server ends the stream. */
  follow<Answer>(
    path: string,
    { message, answer }: CriRequest<Answer>,
    onAnswer: (answer: Answer) => void,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const stream = this.#client.makeServerStreamRequest<Buffer, Answer>(
        path,
        (bytes) => bytes,
        answer.decode,
        message,
      );
      this.#calls.add(stream);
      stream.on('close', () => this.#calls.delete(stream));
      stream.on('data', onAnswer);
      stream.on('error', (error: ServiceError) => reject(explain(error, methodOf(path))));
      stream.on('end', resolve);
    });
  }

  close(): void {
    for (const call of this.#calls) call.cancel();
    this.#client.close();
  }
}

const methodOf = (path: string) => path.slice(path.lastIndexOf('/') + 1);
const lateError = (method: string) => new RequestError('timeout', `${method} had no answer in time`);

function explain({ code, details }: ServiceError, method: string): RequestError {
  const text = `${method} answered ${status[code]}: ${details}`;
  switch (code) {
    case status.UNAVAILABLE: {
      const { reason = 'connection_reset', meaning } = explainNetworkError(details) ?? {};
      if (reason === 'invalid_response') return new RequestError(reason, `${meaning}: ${details}`);
      return new RequestError(reason, socketErrors[reason] ?? text);
    }
    case status.DEADLINE_EXCEEDED:
      return lateError(method);
    case status.CANCELLED:
      return new RequestError('connection_reset', text);
    case status.PERMISSION_DENIED:
      return new RequestError('forbidden', text);
    case status.UNAUTHENTICATED:
      return new RequestError('unauthorized', text);
    case status.NOT_FOUND:
      return new RequestError('not_found', text);
    case status.UNIMPLEMENTED:
      return new RequestError('unimplemented', `it has no ${method} of CRI v1 (${details})`);
    case status.RESOURCE_EXHAUSTED:
      return new RequestError('too_large', text);
    case status.INTERNAL: {
      const isInvalid = /pars|decompress|deserializ/i.test(details);
      return new RequestError(isInvalid ? 'invalid_response' : 'status', text);
    }
    default:
      return new RequestError('status', text);
  }
}
