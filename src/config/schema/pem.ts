import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ConfigProblem } from '../../component.ts';
import { reasonOf } from '../text/retrieve.ts';

/** What a side of TLS shows and believes, each as the path of a file or as its text, PEM. */
export interface TlsMaterial {
  readonly ca_file?: string;
  readonly ca_pem?: string;
  readonly cert_file?: string;
  readonly cert_pem?: string;
  readonly key_file?: string;
  readonly key_pem?: string;
}

export interface PemTexts {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

export interface ReadPem {
  readonly texts: PemTexts;
  /** Files that cannot be read. */
  readonly unread: readonly ConfigProblem[];
  /** What is of no use though it can be read. */
  readonly unusable: readonly ConfigProblem[];
}

const parts = ['ca', 'cert', 'key'] as const;

/** In the Collector's words. */
const both = {
  ca: 'provide either a CA file or the PEM-encoded string, but not both',
  cert: 'provide either certificate file or PEM, but not both',
  key: 'provide either key file or PEM, but not both',
} as const;

/**
 * Reads each file once, and looks whether all can be used. Synchronous, as the configuration is read. Each message names the
 * file, or the key of a text: the name of a file that can be read is no secret that was written at the wrong key.
 */
export function readPem(material: TlsMaterial): ReadPem {
  const [unread, unusable]: [ConfigProblem[], ConfigProblem[]] = [[], []];
  const found: Partial<Record<(typeof parts)[number], { key: string; name: string; text: string }>> = {};
  for (const part of parts) {
    const { [`${part}_file` as const]: path, [`${part}_pem` as const]: pem } = material;
    if (path !== undefined && pem !== undefined)
      unusable.push({ path: [`${part}_pem`], message: both[part] });
    else if (pem !== undefined) found[part] = { key: `${part}_pem`, name: `${part}_pem`, text: pem };
    else if (path !== undefined)
      try {
        found[part] = { key: `${part}_file`, name: path, text: readFileSync(path, 'latin1') };
      } catch (error) {
        unread.push({ path: [`${part}_file`], message: `cannot read the file: ${reasonOf(error)}` });
      }
  }
  const { ca, cert, key } = found;
  const authority = ca && certificatesIn(ca);
  const chain = cert && certificatesIn(cert);
  const secret = key && privateKeyIn(key);
  for (const [of, content] of [
    [ca, authority],
    [cert, chain],
    [key, secret],
  ] as const)
    if (of && typeof content === 'string') unusable.push({ path: [of.key], message: content });
  if (typeof secret === 'object' && typeof chain === 'object' && chain[0]?.checkPrivateKey(secret) === false)
    unusable.push({
      path: [key?.key ?? 'key_file'],
      message: `the key in ${key?.name} is not that of the certificate in ${cert?.name}`,
    });
  return {
    texts: { ...(ca && { ca: ca.text }), ...(cert && { cert: cert.text }), ...(key && { key: key.text }) },
    ...{ unread, unusable },
  };
}

interface Named {
  readonly name: string;
  readonly text: string;
}

function certificatesIn({ name, text }: Named): readonly X509Certificate[] | string {
  const blocks = text.match(
    /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[^-]*-----END (?:X509 |TRUSTED )?CERTIFICATE-----/g,
  );
  if (blocks === null) {
    const found = /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text) ? ', but a private key' : '';
    return `${name} holds no certificate in PEM${found}`;
  }
  const certificates: X509Certificate[] = [];
  for (const [index, block] of blocks.entries())
    try {
      certificates.push(new X509Certificate(block));
    } catch {
      // OpenSSL's words name neither the file nor the certificate.
      return `certificate ${index + 1} of ${blocks.length} in ${name} is damaged`;
    }
  return certificates;
}

function privateKeyIn({ name, text }: Named): KeyObject | string {
  try {
    return createPrivateKey(text);
  } catch {
    if (/^-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(text))
      return `the key in ${name} is encrypted: write it without a passphrase`;
    const found = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/.test(text) ? ', but a certificate' : '';
    return `${name} holds no private key in PEM${found}`;
  }
}
