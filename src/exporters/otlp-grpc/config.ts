import type { Static } from 'typebox';
import { tlsClientKeys } from '../../client/tls-keys.ts';
import { authKey } from '../../config/schema/authenticator.ts';
import { duration } from '../../config/schema/duration.ts';
import { headersKey } from '../../config/schema/headers.ts';
import { Type } from '../../config/schema/type.ts';
import { temporalityKeys } from '../../otlp/temporality.ts';

const closed = { additionalProperties: false } as const;

export const otlpGrpcConfig = Type.Object(
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

export type OtlpGrpcConfig = Static<typeof otlpGrpcConfig>;
