import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { ConfigProblem } from '../component.ts';
import { keyPairProblems, type TlsConfig } from '../config/schema/tls.ts';
import { reasonOf } from '../config/text/retrieve.ts';

export interface TlsFiles {
  readonly ca: Buffer | null;
  readonly key: Buffer | null;
  readonly cert: Buffer | null;
}

/** The files that a TLS client needs; null: not configured. */
export async function readTlsFiles(tls: TlsConfig): Promise<TlsFiles> {
  const [ca, key, cert] = await Promise.all([
    readPem('ca_file', tls.ca_file),
    readPem('key_file', tls.key_file),
    readPem('cert_file', tls.cert_file),
  ]);
  return { ca, key, cert };
}

async function readPem(key: string, path: string | undefined): Promise<Buffer | null> {
  if (path === undefined) return null;
  try {
    return await readFile(path);
  } catch (cause) {
    throw new Error(`cannot read tls::${key}: ${(cause as Error).message}`, { cause });
  }
}

/** Files that cannot be read, a certificate without its key. */
export function tlsFileProblems(tls: TlsConfig): readonly ConfigProblem[] {
  const unread = (['ca_file', 'cert_file', 'key_file'] as const).flatMap((key) => {
    const path = tls[key];
    if (path === undefined) return [];
    try {
      readFileSync(path);
      return [];
    } catch (error) {
      return [{ path: ['tls', key], message: `cannot read the file: ${reasonOf(error)}` }];
    }
  });
  const pair = keyPairProblems(tls).map(({ path, message }) => ({ path: ['tls', ...path], message }));
  return [...unread, ...pair];
}
