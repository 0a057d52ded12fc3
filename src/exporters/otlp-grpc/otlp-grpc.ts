import type { ServiceError } from '@grpc/grpc-js';
import type { Static } from 'typebox';
import type { Host, Outcome, Payload, RequestExporterComponent, Stability } from '../../component.ts';
import { duration } from '../../config/schema/duration.ts';
import { secret } from '../../config/schema/secret.ts';
import { tlsKeys } from '../../config/schema/tls.ts';
import { Type } from '../../config/schema/type.ts';
import { type Batch, bySignal } from '../../telemetry/batch.ts';
import { createCumulative, cumulativeCounters } from '../../telemetry/metrics/temporality.ts';
import { codecOf, type OtlpSignal } from '../../telemetry/otlp.ts';
import { bytes } from '../../telemetry/units.ts';
import { connectionProblems } from './check.ts';
import { type Connection, openConnection } from './connection.ts';
import { failure } from './outcome.ts';
import { requestsOf } from './requests.ts';

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
    headers: Type.Record(Type.String(), secret(), {
      default: {},
      description: 'Sent with each request; never printed.',
    }),
    tls: Type.Object(
      {
        insecure: Type.Boolean({ default: false, description: 'Plaintext, no TLS.' }),
        ...tlsKeys,
      },
      { ...closed, default: {} },
    ),
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
    temporality: Type.Enum(['cumulative', 'delta'], {
      default: 'cumulative',
      description: 'What the destination wants: totals since a series began, or the deltas of each interval.',
    }),
    cumulative: Type.Object(
      {
        max_stale: duration({
          default: '10m',
          description: 'A series nothing comes for is forgotten after so long.',
        }),
        max_streams: Type.Integer({
          minimum: 1,
          default: 100_000,
          description: 'Series kept at most; points of further ones are dropped and counted.',
        }),
      },
      { ...closed, default: {} },
    ),
  },
  closed,
);

/** Half of what most gRPC servers take, before compression. */
const maxRequest = bytes(2 * 1024 * 1024);

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
  async open(settings, host) {
    const connection = await openConnection(settings);
    const convert = converterTo(settings, host);
    return {
      encode: (batch) => requestsOf(convert(batch), maxRequest),
      send: (payload, abort) => send(payload, { connection, abort }),
      async close() {
        connection.close();
      },
    };
  },
};

function converterTo(settings: Static<typeof config>, host: Host): (batch: Batch) => Batch {
  if (settings.temporality === 'delta') return (batch) => batch;
  const cumulative = createCumulative({
    maxStale: settings.cumulative.max_stale,
    maxStreams: settings.cumulative.max_streams,
    counters: host.counters,
    exporter: host.id,
  });
  return (batch) =>
    bySignal<Batch>(batch, {
      metrics: ({ signal, resourceMetrics }) => ({ signal, resourceMetrics: cumulative(resourceMetrics) }),
    }) ?? batch;
}

interface Sending {
  readonly connection: Connection;
  readonly abort: AbortSignal;
}

async function send(payload: Payload, { connection, abort }: Sending): Promise<Outcome> {
  const { grpcMethod, readAnswer } = codecOf(payload.signal);
  const { address } = connection;
  let answer: Uint8Array;
  try {
    answer = await connection.call(grpcMethod, payload.bytes, abort);
  } catch (error) {
    if (abort.aborted) return { kind: 'retry', reason: `${address} did not answer in time` };
    // The only thing that `call` rejects with.
    return failure(error as ServiceError, address);
  }
  try {
    const { rejected, message } = readAnswer(answer);
    if (rejected > 0)
      return { kind: 'partial', rejected, reason: `${address} rejected ${rejected}: ${message}` };
    if (message === '') return { kind: 'accepted' };
    return { kind: 'partial', rejected, reason: `${address} accepted all, with a warning: ${message}` };
  } catch {
    // The address of the server helps more than the position of the decoder's error.
    return {
      kind: 'refused',
      reason: `${address} answered with something that is not OTLP; what listens there?`,
    };
  }
}
