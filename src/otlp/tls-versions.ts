import type { SecureContextOptions } from 'node:tls';
import type { ConfigProblem } from '../component.ts';
import { Type } from '../config/schema/type.ts';

/** OpenSSL 3 makes no connection of 1.0 or 1.1 at its usual level of security. */
const versions = ['1.2', '1.3'] as const;

export interface TlsVersions {
  readonly min_version?: (typeof versions)[number];
  readonly max_version?: (typeof versions)[number];
}

export const tlsVersionKeys = {
  min_version: Type.Optional(
    Type.Enum(versions, { description: 'Oldest version of TLS to speak, in quotes; absent: 1.2.' }),
  ),
  max_version: Type.Optional(
    Type.Enum(versions, { description: 'Newest version of TLS to speak, in quotes; absent: 1.3.' }),
  ),
};

/** For Node.js; what is absent is left to its defaults. */
export const versionLimits = ({ min_version, max_version }: TlsVersions): SecureContextOptions => ({
  ...(min_version && { minVersion: `TLSv${min_version}` as const }),
  ...(max_version && { maxVersion: `TLSv${max_version}` as const }),
});

/** In the Collector's words. */
export function versionProblems({ min_version, max_version }: TlsVersions): readonly ConfigProblem[] {
  if (min_version === undefined || max_version === undefined || min_version <= max_version) return [];
  return [{ path: ['tls', 'min_version'], message: 'min_version cannot be greater than max_version' }];
}
