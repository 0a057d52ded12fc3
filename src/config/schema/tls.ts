import type { Static } from 'typebox';
import type { ConfigProblem } from '../../component.ts';
import type { TlsMaterial } from './pem.ts';
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

/** A certificate without its key, or the reverse. */
export function keyPairProblems(tls: TlsMaterial): readonly ConfigProblem[] {
  const of = (part: 'cert' | 'key') =>
    (['file', 'pem'] as const).find((form) => tls[`${part}_${form}`] !== undefined);
  const [cert, key] = [of('cert'), of('key')];
  if ((cert === undefined) === (key === undefined)) return [];
  const [given, missing] =
    cert === undefined ? [`key_${key}`, `cert_${key}`] : [`cert_${cert}`, `key_${cert}`];
  return [{ path: [given], message: `needs ${missing} too: both, or neither` }];
}
