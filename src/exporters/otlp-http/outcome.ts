import type { Response } from '../../client/http.ts';
import type { Outcome, Payload } from '../../component.ts';
import { explainNetworkError, type NetworkFailure } from '../../net/explain.ts';
import { STATUS_CODES } from '../../net/node-http.ts';
import { outcomeOf } from '../../otlp/answer.ts';
import { statusMessage } from '../../otlp/rpc-status.ts';
import type { OtlpEncoding } from '../../telemetry/otlp-codec.ts';
import { type Nanoseconds, nanoseconds, type UnixNanoseconds } from '../../telemetry/units.ts';

/** Statuses after which OTLP has a client try again. */
const retryable: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** What an answer that is no success means for its payload. */
export function refusal(
  response: Response,
  {
    address,
    now,
    remedy = remedies[response.status],
  }: { readonly address: string; readonly now: UnixNanoseconds; readonly remedy?: string },
): Outcome {
  const { status, retryAfter } = response;
  const words = wordsOf(response);
  const reason = `${address} answered ${status} ${STATUS_CODES[status] ?? ''}`.trim();
  const code = String(status);
  const full = words === undefined ? reason : `${reason}: ${words}`;
  if (!retryable.has(status))
    return { kind: 'refused', code, reason: remedy === undefined ? full : `${full}; ${remedy}` };
  const after = delayOf(retryAfter, now);
  return { kind: 'retry', code, reason: full, ...(after !== undefined && { after }) };
}

const remedies: Readonly<Record<number, string>> = {
  404: 'is the path right?',
  405: 'is the path right?',
  415: 'another encoding or compression may be what it takes',
};

/** A connection that failed or ended before the answer was whole. */
export function unreachable(error: Error, address: string): Outcome {
  const text = `${(error as NodeJS.ErrnoException).code ?? ''} ${error.message}`;
  const explanation = explainNetworkError(text, { keys: 'tls::' });
  const remedy = explanation && failureRemedies[explanation.failure];
  const why = explanation?.meaning ?? error.message;
  return {
    kind: 'retry',
    reason: `cannot reach ${address}: ${why}${remedy === undefined ? '' : `; ${remedy}`}`,
  };
}

const failureRemedies: Readonly<Partial<Record<NetworkFailure, string>>> = {
  not_tls: 'for plaintext write http://',
  not_http: 'OTLP over gRPC usually listens on port 4317, over HTTP on 4318',
  closed: 'if it expects TLS, write https://',
};

const longestWords = 500;

/** What the server says: the message of a `google.rpc.Status`, or the begin of a text. */
function wordsOf({ contentType, body }: Response): string | undefined {
  if (/protobuf/.test(contentType)) return statusMessage(body)?.slice(0, longestWords);
  const text = body.toString();
  if (/\bjson\b/.test(contentType)) {
    try {
      const { message } = JSON.parse(text);
      if (typeof message === 'string' && message !== '') return message.slice(0, longestWords);
    } catch {
      // no JSON: shown as a text
    }
  }
  // a page for browsers says nothing to an operator
  if (/html/.test(contentType)) return undefined;
  return text.trim().slice(0, longestWords) || undefined;
}

/** Seconds or a date of HTTP; undefined: none, or neither. */
function delayOf(retryAfter: string | undefined, now: UnixNanoseconds): Nanoseconds | undefined {
  if (retryAfter === undefined) return undefined;
  if (/^\d{1,9}$/.test(retryAfter)) return nanoseconds(Number(retryAfter) * 1e9);
  const date = Date.parse(retryAfter);
  return Number.isNaN(date) ? undefined : nanoseconds(Math.max(0, date * 1e6 - Number(now)));
}

interface Accepting {
  readonly response: Response;
  /** Of the request. */
  readonly encoding: OtlpEncoding;
  readonly address: string;
}

/** What a status of success says: of a body of another type nothing can be read, and nothing was rejected. */
export function acceptance(payload: Payload, { response, encoding, address }: Accepting): Outcome {
  const { body, contentType } = response;
  if (contentType !== '' && !/\b(json|x-protobuf|protobuf)\b/.test(contentType))
    return {
      ...{ kind: 'partial', rejected: 0 },
      reason: `${address} accepted all, with a warning: the answer is ${contentType}, not OTLP`,
    };
  return outcomeOf(payload, {
    answer: body,
    encoding: /\bjson\b/.test(contentType) ? 'json' : encoding,
    address,
  });
}
