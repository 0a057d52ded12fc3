import type { ServiceError } from '@grpc/grpc-js';
import { authenticate } from '../../client/authenticate.ts';
import { openRotating } from '../../client/rotating.ts';
import { tlsFiles } from '../../client/tls.ts';
import { tlsClientKeys } from '../../client/tls-keys.ts';
import type {
  Attempt,
  Authenticator,
  Outcome,
  Payload,
  RequestExporterComponent,
  Stability,
} from '../../component.ts';
import { authKey } from '../../config/schema/authenticator.ts';
import { duration } from '../../config/schema/duration.ts';
import { headersKey } from '../../config/schema/headers.ts';
import { Type } from '../../config/schema/type.ts';
import { outcomeOf } from '../../otlp/answer.ts';
import { requestsOf } from '../../otlp/requests.ts';
import { converterTo, temporalityKeys } from '../../otlp/temporality.ts';
import { cumulativeCounters } from '../../telemetry/metrics/temporality.ts';
import { codecOf, type OtlpSignal } from '../../telemetry/otlp.ts';
import { connectionProblems } from './check.ts';
import { type Connection, openConnection, tlsOf } from './connection.ts';
import { failure } from './outcome.ts';

const closed = { additionalProperties: false } as const;

const config = Type.Object(
  {
    endpoint: Type.String({
      minLength: 1,
      description:
        'Where to, as `host:port`. A scheme decides over TLS: `https://` turns it on, `http://` off; without one `tls::insecure` does.',
    }),
    compression: Type.Enum(['gzip', 'none'], {
      default: 'gzip',
      description: 'How requests are compressed.',
    }),
    ...headersKey,
    tls: Type.Object(tlsClientKeys('Plaintext, no TLS.'), { ...closed, default: {} }),
    keepalive: Type.Optional(
      Type.Object(
        {
          time: duration({ default: '10s', description: 'Silence after which the connection is probed.' }),
          timeout: duration({ default: '10s', description: 'Time for the answer to a probe.' }),
          permit_without_stream: Type.Boolean({ default: false, description: 'Probe between requests too.' }),
        },
        { ...closed, description: 'Probes of a silent connection; absent: none.' },
      ),
    ),
    ...authKey,
    ...temporalityKeys,
  },
  closed,
);

export const otlpGrpc: RequestExporterComponent<typeof config> = {
  kind: 'exporter',
  type: 'otlp_grpc',
  aliases: ['otlp'],
  summary: 'Sends metrics, events and spans to an OpenTelemetry Collector or backend: OTLP over gRPC.',
  stability: { metrics: 'beta', logs: 'beta', traces: 'alpha' } satisfies Record<OtlpSignal, Stability>,
  shape: 'request',
  delivery: { timeout: '5s' },
  config,
  emits: { counters: Object.values(cumulativeCounters) },
  check: connectionProblems,
  files: ({ tls }) => tlsFiles(tls),
  async open(settings, host) {
    const authenticator = settings.auth && host.authenticator(settings.auth.authenticator);
    const { use, ...running } = openRotating(settings, { tls: tlsOf, open: openConnection }, host);
    const convert = converterTo(settings, host);
    return {
      encode: (batch) => requestsOf(convert(batch), 'proto'),
      send: (payload, attempt) => use((connection) => send(payload, { connection, authenticator, attempt })),
      ...running,
    };
  },
};

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
