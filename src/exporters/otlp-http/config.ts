import type { Static } from 'typebox';
import { tlsClientKeys } from '../../client/tls-keys.ts';
import { authKey } from '../../config/schema/authenticator.ts';
import { headersKey } from '../../config/schema/headers.ts';
import { Type } from '../../config/schema/type.ts';
import { temporalityKeys } from '../../otlp/temporality.ts';

const closed = { additionalProperties: false } as const;

const signalEndpoint = (path: string) =>
  Type.Optional(
    Type.String({ minLength: 1, description: `Whole URL instead of \`endpoint\` with \`${path}\`.` }),
  );

export const otlpHttpConfig = Type.Object(
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

export type OtlpHttpConfig = Static<typeof otlpHttpConfig>;
