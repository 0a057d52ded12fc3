import type { Authenticator, Outcome } from '../component.ts';
import { messageOf } from '../telemetry/health.ts';

type Credentials = Readonly<Record<string, string>>;

/** Codes of answers that credentials may be the reason of, of HTTP and of gRPC. */
const unauthenticated: ReadonlySet<string | undefined> = new Set(['401', 'UNAUTHENTICATED']);

/** Sends with what an authenticator shows; where the server refuses that, once more with what it has in its place. */
export async function authenticate(
  authenticator: Authenticator | undefined,
  send: (credentials: Credentials) => Promise<Outcome>,
): Promise<Outcome> {
  if (authenticator === undefined) return send({});
  const first = await attempt(() => authenticator.headers());
  if ('kind' in first) return first;
  const outcome = await send(first.value);
  if (outcome.kind !== 'refused' || !unauthenticated.has(outcome.code)) return outcome;
  const second = await attempt(async () =>
    (await authenticator.renew(first.value)) ? authenticator.headers() : undefined,
  );
  if ('kind' in second) return second;
  return second.value ? send(second.value) : outcome;
}

/** What it gives, or that the request is to be sent later. */
async function attempt<Value>(get: () => Promise<Value>): Promise<{ readonly value: Value } | Outcome> {
  try {
    return { value: await get() };
  } catch (error) {
    return { kind: 'retry', reason: `cannot authenticate: ${messageOf(error)}` };
  }
}
