import type { Static } from 'typebox';
import type { ConfigProblem } from '../../component.ts';
import { pemProblems, type TlsFiles } from './pem.ts';
import { Type } from './type.ts';

/** TLS keys of a client: the server's certificate, and its own. */
export const tlsKeys = {
  insecure_skip_verify: Type.Boolean({
    default: false,
    description: "TLS without verifying the server's certificate: any server is believed.",
  }),
  ca_file: Type.Optional(
    Type.String({ description: "Certificate authority of the server's certificate, PEM." }),
  ),
  cert_file: Type.Optional(Type.String({ description: 'Certificate to show the server, PEM.' })),
  key_file: Type.Optional(Type.String({ description: 'Its private key, PEM.' })),
  server_name_override: Type.Optional(
    Type.String({ description: "Name to expect in the server's certificate." }),
  ),
};

const tlsSchema = Type.Object(tlsKeys);
export type TlsConfig = Static<typeof tlsSchema>;

/** A certificate without its key, or the reverse; files that can be read, but not used. */
export function keyPairProblems(tls: TlsFiles): readonly ConfigProblem[] {
  const { cert_file, key_file } = tls;
  const unusable = pemProblems(tls);
  if ((cert_file === undefined) === (key_file === undefined)) return unusable;
  const [given, missing] = cert_file === undefined ? ['key_file', 'cert_file'] : ['cert_file', 'key_file'];
  return [...unusable, { path: [given], message: `needs ${missing} too: both, or neither` }];
}
