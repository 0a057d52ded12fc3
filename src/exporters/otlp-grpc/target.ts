import type { OtlpGrpcConfig } from './config.ts';

/** A scheme decides between plaintext and TLS; without one, `tls::insecure` does. */
export function target({ endpoint, tls }: Pick<OtlpGrpcConfig, 'endpoint' | 'tls'>) {
  const [, scheme, address = ''] = /^(?:(https?|dns):\/\/\/?)?(.*?)\/?$/.exec(endpoint.trim()) ?? [];
  return { address, scheme, plaintext: scheme === 'http' || (scheme !== 'https' && tls.insecure) };
}
