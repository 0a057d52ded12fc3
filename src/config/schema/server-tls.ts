import type { TlsOptions } from 'node:tls';
import type { ConfigProblem } from '../../component.ts';
import { type ReadPem, readPem } from './pem.ts';
import { Type } from './type.ts';

/** TLS keys of a server: its certificate, and which clients it takes. */
export const serverTlsKeys = {
  cert_file: Type.String({ description: 'Certificate to show clients, PEM.' }),
  key_file: Type.String({ description: 'Its private key, PEM.' }),
  client_ca_file: Type.Optional(
    Type.String({
      description: 'Certificate authority of clients, PEM: a client without a certificate of it is refused.',
    }),
  ),
};

/** Paths. */
export interface ServerTls {
  readonly cert_file: string;
  readonly key_file: string;
  readonly client_ca_file?: string;
}

/** Paths of the files that settings name. */
export const serverTlsFiles = ({ cert_file, key_file, client_ca_file }: ServerTls): readonly string[] =>
  [cert_file, key_file, client_ca_file].filter((path) => path !== undefined);

const read = ({ cert_file, key_file, client_ca_file }: ServerTls): ReadPem =>
  readPem({ cert_file, key_file, ...(client_ca_file !== undefined && { ca_file: client_ca_file }) });

/** Files that cannot be read, or not be used. */
export const serverTlsProblems = (tls: ServerTls): readonly ConfigProblem[] => problemsIn(read(tls));

const problemsIn = ({ unread, unusable }: ReadPem): readonly ConfigProblem[] =>
  [...unread, ...unusable].map(({ path: [key = ''], message }) => ({
    path: ['tls', key === 'ca_file' ? 'client_ca_file' : key],
    message,
  }));

/** For a server of Node.js. Reads the files; throws where they cannot be used. */
export function openServerTls(tls: ServerTls): TlsOptions {
  const pem = read(tls);
  const [problem] = problemsIn(pem);
  if (problem) throw new Error(`cannot use ${problem.path.join('::')}: ${problem.message}`);
  const { ca, cert, key } = pem.texts;
  return {
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(ca !== undefined && { ca, requestCert: true, rejectUnauthorized: true }),
  };
}
