import type { IncomingHttpHeaders } from 'node:http';
import { explainNetworkError } from '../../net/explain.ts';
import { reasonOfStatus } from '../../net/request-error.ts';
import { seconds } from '../../telemetry/units.ts';
import { objectIn, textIn } from '../json.ts';
import { KubeError } from './kube-error.ts';

/** Many kubelets sign their own certificates. */
const ownIssuer = '(many kubelets sign their own: then only insecure_skip_verify is left)';

/** A request that failed before its answer, or in the middle of it (`isAnswered`). */
export function explainFailure(cause: unknown, server: string, isAnswered = false): KubeError {
  if (cause instanceof KubeError) return cause;
  const { code = '', message } = cause as NodeJS.ErrnoException;
  const explanation = explainNetworkError(`${code} ${message}`);
  if (explanation && explanation.failure !== 'closed') {
    const { failure, reason, meaning } = explanation;
    const advice = failure === 'certificate_issuer' ? ` ${ownIssuer}` : '';
    return new KubeError(reason, `cannot reach ${server}: ${meaning}${advice}`, { cause });
  }
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

/** An answer that is no success, with the message of its `v1.Status`, else the beginning of its text. */
export function explainStatus({ status, headers, text, server }: Refusal): KubeError {
  let answer: string | undefined;
  try {
    answer = textIn(objectIn(JSON.parse(text)).message);
  } catch {
    // Kubelets answer in plain text.
    answer = textIn(text.trim());
  }
  const words = answer === undefined ? '' : `: ${printable(answer).slice(0, 300)}`;
  const wait = Number(headers['retry-after']);
  return new KubeError(reasonOfStatus(status), `${server} answered ${status}${words}`, {
    status,
    // At most an hour; dates and invalid values are ignored.
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
