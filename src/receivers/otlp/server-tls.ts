import type { TlsOptions } from 'node:tls';
import type { Static } from 'typebox';
import type { ConfigProblem } from '../../component.ts';
import { duration } from '../../config/schema/duration.ts';
import { openServerTls, serverTlsKeys, serverTlsProblems } from '../../config/schema/server-tls.ts';
import { Type } from '../../config/schema/type.ts';

const versions = ['1.2', '1.3'] as const;

/** TLS keys of a server, as the Collector's. */
export const otlpTls = Type.Object(
  {
    ...serverTlsKeys,
    min_version: Type.Enum(versions, {
      default: '1.2',
      description: 'Oldest version of TLS to speak, in quotes.',
    }),
    max_version: Type.Enum(versions, {
      default: '1.3',
      description: 'Newest version of TLS to speak, in quotes.',
    }),
    reload_interval: Type.Optional(
      duration({
        minimum: '1s',
        description:
          'The files are read again so often, for new connections; absent: with the configuration only.',
      }),
    ),
  },
  { additionalProperties: false },
);

export type OtlpTls = Static<typeof otlpTls>;

/** Files that cannot be read or used, versions that exclude one another. */
export function otlpTlsProblems(tls: OtlpTls): readonly ConfigProblem[] {
  const files = serverTlsProblems(tls);
  if (tls.min_version <= tls.max_version) return files;
  return [
    ...files,
    { path: ['tls', 'min_version'], message: 'min_version cannot be greater than max_version' },
  ];
}

/** With the files as they are now; throws where they cannot be used. */
export const openOtlpTls = (tls: OtlpTls): TlsOptions => ({
  ...openServerTls(tls),
  minVersion: `TLSv${tls.min_version}`,
  maxVersion: `TLSv${tls.max_version}`,
});
