import { type ServiceError, status } from '@grpc/grpc-js';
import type { Failure, Outcome } from '../../component.ts';
import { explainNetworkError, type NetworkFailure } from '../../net/explain.ts';
import { retryDelay } from '../../otlp/rpc-status.ts';

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
    retryable.has(error.code) ||
    isCut(error) ||
    (error.code === status.RESOURCE_EXHAUSTED && after !== undefined);
  const failed = explain(error, endpoint);
  if (!again) return { kind: 'refused', ...failed };
  return { kind: 'retry', ...failed, ...(after !== undefined && { after }) };
}

/** The stream ended without the status that a server ends a call with: what became of it is not known. */
const isCut = ({ code, details }: ServiceError) =>
  code === status.INTERNAL && details.startsWith('Received RST_STREAM with code ');

const remedies: Readonly<Partial<Record<NetworkFailure, string>>> = {
  not_tls: 'for plaintext set tls::insecure to true',
  not_http2: 'OTLP over HTTP usually listens on port 4318, over gRPC on 4317',
  closed: 'if it expects TLS, tls::insecure must be false',
};

function explain({ code: number, details }: ServiceError, endpoint: string): Failure {
  const code = status[number];
  const noConnection = /^No connection established\. Last error: (?:Error: )?/;
  if (number === status.UNAVAILABLE) {
    const explanation = explainNetworkError(details, { keys: 'tls::' });
    if (explanation) {
      const remedy = remedies[explanation.failure];
      const words = `${explanation.meaning}${remedy === undefined ? '' : `; ${remedy}`}`;
      return { reason: `cannot reach ${endpoint}: ${words}`, code: explanation.failure };
    }
    if (noConnection.test(details)) {
      const words = details.replace(noConnection, '').replace(/\s*Resolution note: $/, '');
      return { reason: `cannot reach ${endpoint}: ${words}`, code };
    }
  }
  if (number === status.UNIMPLEMENTED) {
    const reason = `${endpoint} takes no OTLP over gRPC here (${details}); OTLP over HTTP usually listens on port 4318`;
    return { reason, code };
  }
  return { reason: `${endpoint} answered ${code}: ${details}`, code };
}
