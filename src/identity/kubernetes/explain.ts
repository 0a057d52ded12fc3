import type { IncomingHttpHeaders } from 'node:http';
import { seconds } from '../../telemetry/units.ts';
import { objectIn, textIn } from '../json.ts';
import { type FailureReason, reasonOfStatus } from '../source-error.ts';
import { KubeError } from './kube-error.ts';

/** Texts and codes of Node.js and OpenSSL, and what they mean to whoever has to mend it. */
const failures: readonly (readonly [pattern: RegExp, reason: FailureReason, meaning: string])[] = [
  [/ECONNREFUSED/, 'unreachable', 'connection refused; is anything listening there?'],
  [/ENOTFOUND|EAI_AGAIN/, 'unreachable', 'no such host'],
  [/EHOSTUNREACH|ENETUNREACH/, 'unreachable', 'no route to it'],
  [/ETIMEDOUT/, 'unreachable', 'no answer'],
  [
    /ERR_TLS_CERT_ALTNAME_INVALID/,
    'tls_untrusted',
    'its certificate is for another name; server_name_override names it',
  ],
  [
    /SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|CERT_SIGNATURE_FAILURE/,
    'tls_untrusted',
    'its certificate is not trusted; ca_file names the authority that signed it (many kubelets sign their own: then only insecure_skip_verify is left)',
  ],
  [/CERT_HAS_EXPIRED/, 'tls_untrusted', 'its certificate has expired'],
  [
    /CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE|BAD_CERTIFICATE|UNKNOWN_CA/i,
    'tls_untrusted',
    'it wants a client certificate it knows; cert_file and key_file name one',
  ],
  [/ERR_OSSL|ERR_PEM|PEM_read|KEY_VALUES_MISMATCH/, 'credentials', 'certificate or key cannot be used'],
  [/wrong version number|packet length too long|EPROTO/i, 'invalid_response', 'it does not speak TLS'],
  [/HPE_HEADER_OVERFLOW/, 'too_large', 'the head of its answer is too large'],
  [/HPE_/, 'invalid_response', 'it does not speak HTTP'],
  [/Z_DATA_ERROR|Z_BUF_ERROR/, 'invalid_response', 'its answer is no gzip, though it says so'],
];

/** What a request failed with before, or in the middle of (`isAnswered`), its answer. */
export function explainFailure(cause: unknown, server: string, isAnswered = false): KubeError {
  if (cause instanceof KubeError) return cause;
  const { code = '', message } = cause as NodeJS.ErrnoException;
  const [, reason, meaning] = failures.find(([pattern]) => pattern.test(`${code} ${message}`)) ?? [];
  if (reason !== undefined && meaning !== undefined)
    return new KubeError(reason, `cannot reach ${server}: ${meaning}`, { cause });
  const when = isAnswered ? 'in the middle of its answer' : 'before it answered';
  return new KubeError('connection_reset', `${server} closed the connection ${when} (${code || message})`, {
    cause,
  });
}

interface Refusal {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly server: string;
}

/** An answer that is no success: what it says if it is a `v1.Status`, else the first words of its text. */
export function explainStatus({ status, headers, text, server }: Refusal): KubeError {
  let said: string | undefined;
  try {
    said = textIn(objectIn(JSON.parse(text)).message);
  } catch {
    // Kubelets answer in plain text.
    said = textIn(text.trim());
  }
  const words = said === undefined ? '' : `: ${printable(said).slice(0, 300)}`;
  const wait = Number(headers['retry-after']);
  return new KubeError(reasonOfStatus(status), `${server} answered ${status}${words}`, {
    status,
    // An hour at most: a date, or nonsense, is none.
    ...(wait > 0 && wait <= 3600 && { retryAfter: seconds(wait) }),
  });
}

/** An object of kind `Status` in a watch. */
export function explainEvent(value: unknown, server: string): KubeError {
  const { code, message, reason } = objectIn(value);
  const isGone = code === 410 || reason === 'Expired' || reason === 'Gone';
  const words = printable(textIn(message) ?? 'no reason given').slice(0, 300);
  return new KubeError(isGone ? 'gone' : 'watch_ended', `${server} ended the watch: ${words}`);
}

/** Control characters must not reach a terminal. */
const printable = (text: string) => text.replace(/\p{Cc}+/gu, ' ');
