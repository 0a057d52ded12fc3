import { tlsProblems } from '../../client/tls.ts';
import type { ConfigProblem } from '../../component.ts';
import { headerProblems } from '../../config/schema/headers.ts';
import type { OtlpGrpcConfig } from './config.ts';
import { target } from './target.ts';

/** The Collector makes no such connection either. */
const unencrypted = 'would be sent unencrypted: turn TLS on, by https:// or tls::insecure: false';

/** What the schema cannot say about a connection. No message repeats a value: it may come from the environment. */
export function connectionProblems({
  endpoint,
  headers,
  tls,
  auth,
}: OtlpGrpcConfig): readonly ConfigProblem[] {
  const { address, scheme, plaintext } = target({ endpoint, tls });
  const wrong = addressProblem(address, scheme);
  return [
    ...(wrong === undefined ? [] : [{ path: ['endpoint'], message: wrong }]),
    ...headerProblems(headers, 'gRPC'),
    ...(plaintext ? [] : tlsProblems(tls)),
    ...(plaintext && auth ? [{ path: ['auth'], message: unencrypted }] : []),
  ];
}

function addressProblem(address: string, scheme: string | undefined): string | undefined {
  if (address === '') return 'requires a non-empty "endpoint"';
  if (/^unix:/.test(address))
    return /^unix:\/{0,2}$/.test(address) ? 'unix socket path cannot be empty' : undefined;
  if (address.includes('@')) return 'must not hold credentials: use headers';
  if (/^[a-z][\w+.-]*:\/\//i.test(address))
    return 'scheme is not supported: write host:port, http://host:port or https://host:port';
  const [, host, port, path] = /^(\[[^[\]/]*\]|[^[\]/:?#\s]+)(?::(\d+))?([/?#].*)?$/.exec(address) ?? [];
  if (host === undefined) return malformedProblem(address);
  if (path !== undefined) return 'OTLP over gRPC has no path: write only the host and its port';
  if (port === undefined) return `has no port: add one, as ${scheme ? `${scheme}://` : ''}host:4317`;
  return Number(port) >= 1 && Number(port) <= 65_535 ? undefined : 'port must be from 1 to 65535';
}

function malformedProblem(address: string): string {
  if (/^:\d+$/.test(address)) return `has no host: write it before the port, as localhost${address}`;
  if (/^[^:]*:[^:]*:/.test(address))
    return 'is not host:port; an IPv6 address goes in brackets, as [::1]:4317';
  if (/^[^:/?#\s]+:[^\d]/.test(address)) return 'port must be a number, as in host:4317';
  return 'is not host:port, as localhost:4317';
}
