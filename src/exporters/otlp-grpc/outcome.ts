import { type ServiceError, status } from '@grpc/grpc-js';
import type { Outcome } from '../../component.ts';
import { retryDelay } from './retry-info.ts';

/** Codes after which OTLP has a client try again. */
const retryable: ReadonlySet<status> = new Set([
  status.CANCELLED,
  status.DEADLINE_EXCEEDED,
  status.ABORTED,
  status.OUT_OF_RANGE,
  status.UNAVAILABLE,
  status.DATA_LOSS,
]);

/** What a failed call means for its payload, in words a person understands. */
export function failure(error: ServiceError, endpoint: string): Outcome {
  const [details] = error.metadata.get('grpc-status-details-bin');
  const after = details instanceof Uint8Array ? retryDelay(details) : undefined;
  const again =
    retryable.has(error.code) || (error.code === status.RESOURCE_EXHAUSTED && after !== undefined);
  const reason = explain(error, endpoint);
  if (!again) return { kind: 'refused', reason };
  return after === undefined ? { kind: 'retry', reason } : { kind: 'retry', reason, after };
}

/** Texts of grpc-js and of Node.js below it, and their meaning for an operator. */
const unreachable: readonly (readonly [pattern: RegExp, meaning: string])[] = [
  [/ECONNREFUSED/, 'connection refused; is anything listening there?'],
  [/Name resolution failed|ENOTFOUND|EAI_AGAIN/, 'no such host'],
  [/EHOSTUNREACH|ENETUNREACH/, 'no route to it'],
  [/ETIMEDOUT/, 'no answer'],
  [
    /wrong version number|packet length too long/,
    'it does not speak TLS; for plaintext set tls::insecure to true',
  ],
  [/ERR_TLS_CERT_ALTNAME_INVALID/, 'its certificate is for another name; tls::server_name_override names it'],
  [
    /self-signed certificate|unable to verify|unable to get local issuer/,
    'its certificate is not trusted; tls::ca_file names the authority that signed it',
  ],
  [/certificate has expired/, 'its certificate has expired'],
  [
    /Protocol error/,
    'it does not speak gRPC; OTLP over HTTP usually listens on port 4318, over gRPC on 4317',
  ],
  [
    /Failed to connect|ECONNRESET/,
    'it closes the connection; if it expects TLS, tls::insecure must be false',
  ],
];

function explain({ code, details }: ServiceError, endpoint: string): string {
  const noConnection = /^No connection established\. Last error: (?:Error: )?/;
  if (code === status.UNAVAILABLE) {
    const meaning = unreachable.find(([pattern]) => pattern.test(details))?.[1];
    if (meaning !== undefined) return `cannot reach ${endpoint}: ${meaning}`;
    if (noConnection.test(details))
      return `cannot reach ${endpoint}: ${details.replace(noConnection, '').replace(/\s*Resolution note: $/, '')}`;
  }
  if (code === status.UNIMPLEMENTED)
    return `${endpoint} takes no OTLP over gRPC here (${details}); OTLP over HTTP usually listens on port 4318`;
  return `${endpoint} answered ${status[code]}: ${details}`;
}
