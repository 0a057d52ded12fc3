import type { Static } from 'typebox';
import { duration } from '../config/schema/duration.ts';
import { secret } from '../config/schema/secret.ts';
import { tlsKeys } from '../config/schema/tls.ts';
import { Type } from '../config/schema/type.ts';

/** OpenSSL 3 makes no connection of 1.0 or 1.1 at its usual level of security. */
const versions = ['1.2', '1.3'] as const;

/** Go's names of those that TLS 1.3 always has, and of those for 1.2 with OpenSSL's name. */
export const suites13 = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
] as const;
export const suites12 = {
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 'ECDHE-ECDSA-AES128-GCM-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 'ECDHE-ECDSA-AES256-GCM-SHA384',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-ECDSA-CHACHA20-POLY1305',
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: 'ECDHE-ECDSA-AES128-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA: 'ECDHE-ECDSA-AES256-SHA',
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: 'ECDHE-RSA-AES128-GCM-SHA256',
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: 'ECDHE-RSA-AES256-GCM-SHA384',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-RSA-CHACHA20-POLY1305',
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA: 'ECDHE-RSA-AES128-SHA',
  TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA: 'ECDHE-RSA-AES256-SHA',
} as const;

/** By Go's names, OpenSSL's. */
export const curves = {
  X25519MLKEM768: 'X25519MLKEM768',
  X25519: 'X25519',
  P256: 'P-256',
  P384: 'P-384',
  P521: 'P-521',
} as const;

const namesOf = <Names extends object>(names: Names) => Object.keys(names) as (string & keyof Names)[]; // its only keys

/** The Collector's keys of a client's TLS; `insecure`: what it does here. */
export const tlsClientKeys = (insecure: string) => ({
  insecure: Type.Boolean({ default: false, description: insecure }),
  ...tlsKeys,
  ca_pem: Type.Optional(secret({ description: 'The same as a text, in place of `ca_file`; never printed.' })),
  cert_pem: Type.Optional(
    secret({ description: 'The same as a text, in place of `cert_file`; never printed.' }),
  ),
  key_pem: Type.Optional(
    secret({ description: 'The same as a text, in place of `key_file`; never printed.' }),
  ),
  include_system_ca_certs_pool: Type.Boolean({
    default: false,
    description: 'Believe the authorities of this system too (`SSL_CERT_FILE` and `SSL_CERT_DIR` say where).',
  }),
  min_version: Type.Optional(
    Type.Enum(versions, { description: 'Oldest version of TLS to speak, in quotes; absent: 1.2.' }),
  ),
  max_version: Type.Optional(
    Type.Enum(versions, { description: 'Newest version of TLS to speak, in quotes; absent: 1.3.' }),
  ),
  reload_interval: duration({
    default: '0s',
    description:
      'How often files are read again; 0: when the configuration is. New content is for new connections, which are made at once; while it cannot be used, the former one is.',
  }),
  cipher_suites: Type.Optional(
    Type.Array(Type.Enum([...suites13, ...namesOf(suites12)]), {
      minItems: 1,
      description: "Cipher suites for TLS 1.2, by Go's names; those of 1.3 are always there.",
    }),
  ),
  curve_preferences: Type.Optional(
    Type.Array(Type.Enum(namesOf(curves)), {
      minItems: 1,
      description: 'Key exchanges to offer, the preferred one first.',
    }),
  ),
});

const tlsClientSchema = Type.Object(tlsClientKeys(''));
export type TlsClientConfig = Static<typeof tlsClientSchema>;
