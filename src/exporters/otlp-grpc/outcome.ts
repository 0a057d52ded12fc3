import { type ServiceError, status } from '@grpc/grpc-js';
import type { Outcome } from '../../component.ts';
import { explainNetworkError, type NetworkFailure } from '../../net/explain.ts';
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

const remedies: Readonly<Partial<Record<NetworkFailure, string>>> = {
  not_tls: 'for plaintext set tls::insecure to true',
  not_http2: 'OTLP over HTTP usually listens on port 4318, over gRPC on 4317',
  closed: 'if it expects TLS, tls::insecure must be false',
};

function explain({ code, details }: ServiceError, endpoint: string): string {
  const noConnection = /^No connection established\. Last error: (?:Error: )?/;
  if (code === status.UNAVAILABLE) {
    const explanation = explainNetworkError(details, { keys: 'tls::' });
    if (explanation) {
      const remedy = remedies[explanation.failure];
      return `cannot reach ${endpoint}: ${explanation.meaning}${remedy === undefined ? '' : `; ${remedy}`}`;
    }
    if (noConnection.test(details))
      return `cannot reach ${endpoint}: ${details.replace(noConnection, '').replace(/\s*Resolution note: $/, '')}`;
  }
  if (code === status.UNIMPLEMENTED)
    return `${endpoint} takes no OTLP over gRPC here (${details}); OTLP over HTTP usually listens on port 4318`;
  return `${endpoint} answered ${status[code]}: ${details}`;
}
