import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { addresses } from './namespaces.ts';

export interface Certificate {
  readonly key: string;
  readonly certificate: string;
}

export interface Certificates {
  readonly authority: Certificate;
  readonly serviceAccounts: string;
  readonly apiServer: Certificate;
  readonly kubelet: Certificate;
  /** May do everything. */
  readonly admin: Certificate;
}

const days = '30';
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** One authority for all, as a test needs no more. */
export function makeCertificates(state: string, nodeName: string): Certificates {
  const folder = join(state, 'pki');
  mkdirSync(folder, { recursive: true });
  const openssl = (...args: readonly string[]) => execFileSync('openssl', args, { stdio: 'pipe' });
  const files = (name: string) => ({
    key: join(folder, `${name}.key`),
    certificate: join(folder, `${name}.crt`),
  });
  const authority = files('authority');
  const request = ({ key, certificate }: Certificate, subject: string, ...more: readonly string[]) =>
    openssl(
      'req',
      '-x509',
      ...newKey,
      '-days',
      days,
      '-subj',
      subject,
      '-keyout',
      key,
      '-out',
      certificate,
      ...more,
    );
  const signed = (name: string, subject: string, names: readonly string[] = []) => {
    const { key, certificate } = files(name);
    const extensions = ['basicConstraints=critical,CA:FALSE'];
    if (names.length > 0) extensions.push(`subjectAltName=${names.join(',')}`);
    request(
      { key, certificate },
      subject,
      ...['-CA', authority.certificate, '-CAkey', authority.key],
      ...extensions.flatMap((extension) => ['-addext', extension]),
    );
    return { key, certificate };
  };
  request(authority, '/CN=earshot-test');
  const serviceAccounts = join(folder, 'service-accounts.key');
  openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', serviceAccounts);
  const here = [`IP:${addresses.node}`, 'IP:127.0.0.1', 'DNS:localhost'];
  return {
    authority,
    serviceAccounts,
    apiServer: signed('apiserver', '/CN=kube-apiserver', [
      ...here,
      `IP:${addresses.apiService}`,
      'DNS:kubernetes.default.svc',
    ]),
    kubelet: signed('kubelet', `/O=system:nodes/CN=system:node:${nodeName}`, [...here, `DNS:${nodeName}`]),
    admin: signed('admin', '/O=system:masters/CN=admin'),
  };
}
