import type { ServiceError } from '@grpc/grpc-js';
import { authenticate } from '../../client/authenticate.ts';
import { openRotating } from '../../client/rotating.ts';
import type { Attempt, Authenticator, Host, Outcome, Payload, RequestExporter } from '../../component.ts';
import { outcomeOf } from '../../otlp/answer.ts';
import { requestsOf } from '../../otlp/requests.ts';
import { converterTo } from '../../otlp/temporality.ts';
import { codecOf } from '../../telemetry/otlp.ts';
import type { OtlpGrpcConfig } from './config.ts';
import { type Connection, openConnection, tlsOf } from './connection.ts';
import { failure } from './outcome.ts';

export function openExporter(settings: OtlpGrpcConfig, host: Host): RequestExporter {
  const authenticator = settings.auth && host.authenticator(settings.auth.authenticator);
  const { use, ...running } = openRotating(settings, { tls: tlsOf, open: openConnection }, host);
  const convert = converterTo(settings, host);
  return {
    encode: (batch) => requestsOf(convert(batch), 'proto'),
    send: (payload, attempt) => use((connection) => send(payload, { connection, authenticator, attempt })),
    ...running,
  };
}

interface Sending {
  readonly connection: Connection;
  readonly authenticator: Authenticator | undefined;
  readonly attempt: Attempt;
}

const send = (payload: Payload, sending: Sending): Promise<Outcome> =>
  authenticate(sending.authenticator, (credentials) => call(payload, { ...sending, credentials }));

interface Calling extends Sending {
  readonly credentials: Readonly<Record<string, string>>;
}

async function call(payload: Payload, { connection, attempt, credentials }: Calling): Promise<Outcome> {
  const { grpcMethod } = codecOf(payload.signal);
  const { address } = connection;
  let answer: Uint8Array;
  try {
    answer = await connection.call(grpcMethod, payload.bytes, { ...attempt, credentials });
  } catch (error) {
    if (attempt.abort.aborted) return { kind: 'retry', reason: `${address} did not answer in time` };
    // The only thing that `call` rejects with.
    return failure(error as ServiceError, address);
  }
  return outcomeOf(payload, { answer, encoding: 'proto', address });
}
