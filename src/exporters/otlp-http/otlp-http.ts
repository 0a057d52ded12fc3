import type { Static } from 'typebox';
import { authenticate } from '../../client/authenticate.ts';
import { type HttpConnection, openHttp } from '../../client/http.ts';
import { openRotating } from '../../client/rotating.ts';
import { openTls, tlsFiles } from '../../client/tls.ts';
import { tlsClientKeys } from '../../client/tls-keys.ts';
import type {
  Authenticator,
  Host,
  Outcome,
  Payload,
  RequestExporterComponent,
  Stability,
} from '../../component.ts';
import { authKey } from '../../config/schema/authenticator.ts';
import { headersKey } from '../../config/schema/headers.ts';
import { Type } from '../../config/schema/type.ts';
import { requestsOf } from '../../otlp/requests.ts';
import { converterTo, temporalityKeys } from '../../otlp/temporality.ts';
import { cumulativeCounters } from '../../telemetry/metrics/temporality.ts';
import { codecOf, type OtlpSignal } from '../../telemetry/otlp.ts';
import { configProblems } from './check.ts';
import { compress } from './compress.ts';
import { endpointOf, printableUrl } from './endpoint.ts';
import { acceptance, refusal, unreachable } from './outcome.ts';

const closed = { additionalProperties: false } as const;

const signalEndpoint = (path: string) =>
  Type.Optional(
    Type.String({ minLength: 1, description: `Whole URL instead of \`endpoint\` with \`${path}\`.` }),
  );

const config = Type.Object(
  {
    endpoint: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          'Base URL, as `https://host:4318`; `/v1/metrics`, `/v1/logs` or `/v1/traces` is added. What goes there by way of a proxy, the usual variables say: `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`.',
      }),
    ),
    metrics_endpoint: signalEndpoint('/v1/metrics'),
    logs_endpoint: signalEndpoint('/v1/logs'),
    traces_endpoint: signalEndpoint('/v1/traces'),
    encoding: Type.Enum(['proto', 'json'], { default: 'proto', description: 'How requests are written.' }),
    compression: Type.Enum(['gzip', 'zstd', 'none'], {
      default: 'gzip',
      description: 'How requests are compressed.',
    }),
    ...headersKey,
    tls: Type.Object(tlsClientKeys('Without effect: the scheme of the endpoint decides.'), {
      ...closed,
      default: {},
    }),
    ...authKey,
    ...temporalityKeys,
  },
  closed,
);

type OtlpHttpConfig = Static<typeof config>;

export const otlpHttp: RequestExporterComponent<typeof config> = {
  kind: 'exporter',
  type: 'otlp_http',
  aliases: ['otlphttp'],
  summary: 'Sends metrics, events and spans to an OpenTelemetry Collector or backend: OTLP over HTTP.',
  stability: { metrics: 'beta', logs: 'beta', traces: 'alpha' } satisfies Record<OtlpSignal, Stability>,
  shape: 'request',
  delivery: { timeout: '30s' },
  config,
  emits: { counters: Object.values(cumulativeCounters) },
  check: configProblems,
  files: ({ tls }) => tlsFiles(tls),
  async open(settings, host) {
    const authenticator = settings.auth && host.authenticator(settings.auth.authenticator);
    const { use, ...running } = openRotating(
      settings,
      { tls: (config) => openTls(config.tls), open: openHttp },
      host,
    );
    const convert = converterTo(settings, host);
    const { encoding } = settings;
    return {
      encode: (batch) => requestsOf(convert(batch), encoding).map((payload) => ({ ...payload, encoding })),
      send: (payload, { abort }) =>
        use((connection) => send(payload, { settings, connection, authenticator, abort, host })),
      ...running,
    };
  },
};

interface Sending {
  readonly settings: OtlpHttpConfig;
  readonly connection: HttpConnection;
  readonly authenticator: Authenticator | undefined;
  readonly abort: AbortSignal;
  readonly host: Host;
}

const contentTypes = { proto: 'application/x-protobuf', json: 'application/json' } as const;

async function send(payload: Payload, sending: Sending): Promise<Outcome> {
  const { settings, authenticator } = sending;
  const { signal } = payload;
  const url = endpointOf(settings, signal, codecOf(signal).httpPath);
  if (url === undefined)
    return { kind: 'refused', reason: `no endpoint for ${signal}: set endpoint or ${signal}_endpoint` };
  const body = await compress(payload.bytes, settings.compression);
  return authenticate(authenticator, (credentials) => post(payload, { ...sending, url, body, credentials }));
}

interface Posting extends Sending {
  readonly url: URL;
  readonly body: Uint8Array;
  readonly credentials: Readonly<Record<string, string>>;
}

async function post(payload: Payload, posting: Posting): Promise<Outcome> {
  const { settings, connection, abort, host, url, body, credentials } = posting;
  const { compression, encoding: usual } = settings;
  const { encoding = usual } = payload;
  const address = printableUrl(url);
  try {
    const response = await connection.post(url, {
      headers: {
        ...credentials,
        'Content-Type': contentTypes[encoding],
        ...(compression !== 'none' && { 'Content-Encoding': compression }),
      },
      body,
      abort,
    });
    if (response.status < 200 || response.status > 299)
      return refusal(response, { address, now: host.clock.now() });
    return acceptance(payload, { response, encoding, address });
  } catch (error) {
    if (abort.aborted) return { kind: 'retry', reason: `${address} did not answer in time` };
    return unreachable(error as Error, address); // all that `post` rejects with
  }
}
