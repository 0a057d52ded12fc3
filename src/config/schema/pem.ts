import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ConfigProblem } from '../../component.ts';

/** Paths. */
export interface TlsFiles {
  readonly ca_file?: string;
  readonly cert_file?: string;
  readonly key_file?: string;
}

/**
 * Why files of TLS are of no use though they can be read. Each message names its file: the name of one that can be
 * read is no secret that was written at the wrong key.
 */
export function pemProblems({ ca_file, cert_file, key_file }: TlsFiles): readonly ConfigProblem[] {
  const [authority, chain] = [read(ca_file, certificatesIn), read(cert_file, certificatesIn)];
  const key = read(key_file, privateKeyIn);
  const problems = Object.entries({ ca_file: authority, cert_file: chain, key_file: key }).flatMap(
    ([name, content]) => (typeof content === 'string' ? [{ path: [name], message: content }] : []),
  );
  if (typeof key !== 'object' || typeof chain !== 'object' || chain[0]?.checkPrivateKey(key) !== false)
    return problems;
  const message = `the key in ${key_file} is not that of the certificate in ${cert_file}`;
  return [...problems, { path: ['key_file'], message }];
}

/** What is in a file, or what is wrong with it; undefined: no file, or none that can be read. */
function read<Content>(
  path: string | undefined,
  parse: (text: string, path: string) => Content | string,
): Content | string | undefined {
  if (path === undefined) return undefined;
  let text: string;
  try {
    text = readFileSync(path, 'latin1');
  } catch {
    return undefined; // a problem of its own
  }
  return parse(text, path);
}

function certificatesIn(text: string, path: string): readonly X509Certificate[] | string {
  const blocks = text.match(
    /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[^-]*-----END (?:X509 |TRUSTED )?CERTIFICATE-----/g,
  );
  if (blocks === null) {
    const found = /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text) ? ', but a private key' : '';
    return `${path} holds no certificate in PEM${found}`;
  }
  const certificates: X509Certificate[] = [];
  for (const [index, block] of blocks.entries())
    try {
      certificates.push(new X509Certificate(block));
    } catch {
      // OpenSSL's words name neither the file nor the certificate.
      return `certificate ${index + 1} of ${blocks.length} in ${path} is damaged`;
    }
  return certificates;
}

function privateKeyIn(text: string, path: string): KeyObject | string {
  try {
    return createPrivateKey(text);
  } catch {
    if (/^-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(text))
      return `the key in ${path} is encrypted: write it without a passphrase`;
    const found = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/.test(text) ? ', but a certificate' : '';
    return `${path} holds no private key in PEM${found}`;
  }
}
