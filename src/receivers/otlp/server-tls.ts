import type { SecureContextOptions } from 'node:tls';
import type { Static } from 'typebox';
import type { ConfigProblem } from '../../component.ts';
import { duration } from '../../config/schema/duration.ts';
import { readPem } from '../../config/schema/pem.ts';
import { Type } from '../../config/schema/type.ts';

const versions = ['1.2', '1.3'] as const;

/** TLS keys of a server, as the Collector's. */
export const serverTls = Type.Object(
  {
    cert_file: Type.String({ description: 'Certificate to show clients, PEM.' }),
    key_file: Type.String({ description: 'Its private key, PEM.' }),
    client_ca_file: Type.Optional(
      Type.String({
        description:
          "Certificate authority of clients' certificates, PEM: a client without one of it is refused.",
      }),
    ),
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

export type ServerTls = Static<typeof serverTls>;

const read = ({ client_ca_file: ca_file, cert_file, key_file }: ServerTls) =>
  readPem({ cert_file, key_file, ...(ca_file !== undefined && { ca_file }) });

/** Files that cannot be read or used, versions that exclude one another. */
export function serverTlsProblems(tls: ServerTls): readonly ConfigProblem[] {
  const { unread, unusable } = read(tls);
  const files = [...unread, ...unusable].map(({ path: [key = ''], message }) => ({
    path: ['tls', key === 'ca_file' ? 'client_ca_file' : key],
    message,
  }));
  if (tls.min_version <= tls.max_version) return files;
  return [
    ...files,
    { path: ['tls', 'min_version'], message: 'min_version cannot be greater than max_version' },
  ];
}

/** With the files as they are now; throws where they cannot be used. */
export function secureContext(tls: ServerTls): SecureContextOptions {
  const [problem] = serverTlsProblems(tls);
  if (problem) throw new Error(`cannot use ${problem.path.join('::')}: ${problem.message}`);
  const { ca, cert, key } = read(tls).texts;
  return {
    ...{ cert, key },
    ...(ca !== undefined && { ca }),
    minVersion: `TLSv${tls.min_version}`,
    maxVersion: `TLSv${tls.max_version}`,
  };
}
