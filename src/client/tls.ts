import {
  createSecureContext,
  getCACertificates,
  type SecureContext,
  type SecureContextOptions,
} from 'node:tls';
import type { ConfigProblem } from '../component.ts';
import { type PemTexts, readPem } from '../config/schema/pem.ts';
import { keyPairProblems } from '../config/schema/tls.ts';
import { digestOf } from '../config/text/files.ts';
import { curves, suites12, suites13, type TlsClientConfig } from './tls-keys.ts';

export interface Tls {
  readonly context: SecureContext;
  /** Of what the files and texts hold: another one for another content. */
  readonly digest: string;
}

/** Paths of the files that settings name. */
export const tlsFiles = ({ ca_file, cert_file, key_file }: TlsClientConfig): readonly string[] =>
  [ca_file, cert_file, key_file].filter((path) => path !== undefined);

/** What a client needs for new connections. Reads the files; throws where they cannot be used. */
export function openTls(tls: TlsClientConfig): Tls {
  const { texts, unread, unusable } = readPem(tls);
  const [problem] = [...unread, ...unusable];
  if (problem) throw new Error(`cannot use tls::${problem.path.join('::')}: ${problem.message}`);
  try {
    return { context: createSecureContext(optionsOf(tls, texts)), digest: digestOf(JSON.stringify(texts)) };
  } catch (cause) {
    throw new Error(`cannot use tls: ${(cause as Error).message}`, { cause });
  }
}

/** For Node.js; what is absent is left to its defaults. */
function optionsOf(tls: TlsClientConfig, { ca, cert, key }: PemTexts): SecureContextOptions {
  const { min_version, max_version, cipher_suites, curve_preferences } = tls;
  const authorities = tls.include_system_ca_certs_pool
    ? [...(ca === undefined ? getCACertificates('default') : [ca]), ...getCACertificates('system')]
    : ca;
  return {
    ...(authorities !== undefined && { ca: authorities }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(min_version && { minVersion: `TLSv${min_version}` as const }),
    ...(max_version && { maxVersion: `TLSv${max_version}` as const }),
    ...(cipher_suites && { ciphers: cipherList(cipher_suites) }),
    ...(curve_preferences && { ecdhCurve: curve_preferences.map((name) => curves[name]).join(':') }),
  };
}

/** As in Go, the list is about TLS 1.2 only. */
const cipherList = (names: NonNullable<TlsClientConfig['cipher_suites']>) =>
  [
    ...suites13,
    ...names.flatMap((name) => (name in suites12 ? suites12[name as keyof typeof suites12] : [])),
  ].join(':');

/** Files that cannot be read or used, a certificate without its key, settings that exclude one another. */
export function tlsProblems(tls: TlsClientConfig): readonly ConfigProblem[] {
  const { unread, unusable } = readPem(tls);
  return [...unread, ...unusable, ...keyPairProblems(tls), ...versionProblems(tls), ...poolProblems(tls)].map(
    ({ path, message }) => ({ path: ['tls', ...path], message }),
  );
}

/** In the Collector's words. */
function versionProblems({ min_version, max_version }: TlsClientConfig): readonly ConfigProblem[] {
  if (min_version === undefined || max_version === undefined || min_version <= max_version) return [];
  return [{ path: ['min_version'], message: 'min_version cannot be greater than max_version' }];
}

function poolProblems(tls: TlsClientConfig): readonly ConfigProblem[] {
  if (!tls.include_system_ca_certs_pool || getCACertificates('system').length > 0) return [];
  const message = 'this system has no authorities: install ca-certificates, or set SSL_CERT_FILE';
  return [{ path: ['include_system_ca_certs_pool'], message }];
}
