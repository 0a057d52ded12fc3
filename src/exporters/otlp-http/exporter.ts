import { authenticate } from '../../client/authenticate.ts';
import { type HttpConnection, openHttp } from '../../client/http.ts';
import { openRotating } from '../../client/rotating.ts';
import { openTls } from '../../client/tls.ts';
import type { Authenticator, Host, Outcome, Payload, RequestExporter } from '../../component.ts';
import { requestsOf } from '../../otlp/requests.ts';
import { converterTo } from '../../otlp/temporality.ts';
import { codecOf } from '../../telemetry/otlp.ts';
import { compress } from './compress.ts';
import type { OtlpHttpConfig } from './config.ts';
import { endpointOf, printableUrl } from './endpoint.ts';
import { acceptance, refusal, unreachable } from './outcome.ts';
import { type Route, redirectOf, routeTo } from './redirect.ts';

export function openExporter(settings: OtlpHttpConfig, host: Host): RequestExporter {
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
}

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
  const route = routeTo(url);
  return authenticate(authenticator, (credentials) =>
    post(payload, { ...sending, route, body, credentials }),
  );
}

interface Posting extends Sending {
  readonly route: Route;
  readonly body: Uint8Array;
  readonly credentials: Readonly<Record<string, string>>;
}

const strangerRemedy =
  'it is the host of a redirect, which gets neither headers nor credentials: set it as the endpoint if it may';

async function post(payload: Payload, posting: Posting): Promise<Outcome> {
  const { settings, connection, abort, host, route, body, credentials } = posting;
  const { url, isTrusted } = route;
  const { compression, encoding: usual } = settings;
  const { encoding = usual } = payload;
  const address = printableUrl(url);
  try {
    const response = await connection.post(url, {
      headers: {
        ...(isTrusted && credentials),
        'Content-Type': contentTypes[encoding],
        ...(compression !== 'none' && { 'Content-Encoding': compression }),
      },
      isForeign: !isTrusted,
      body,
      abort,
    });
    const redirect = redirectOf(route, response);
    if (typeof redirect === 'object') return post(payload, { ...posting, route: redirect });
    if (response.status < 200 || response.status > 299) {
      const remedy = redirect ?? (isTrusted ? undefined : strangerRemedy);
      return refusal(response, { address, now: host.clock.now(), ...(remedy && { remedy }) });
    }
    return acceptance(payload, { response, encoding, address });
  } catch (error) {
    if (abort.aborted) return { kind: 'retry', reason: `${address} did not answer in time` };
    return unreachable(error as Error, address); // all that `post` rejects with
  }
}
