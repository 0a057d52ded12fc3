import { type HttpConnection, openHttp } from '../../client/http.ts';
import { checkedHeaderValue, readLine } from '../../client/secret-file.ts';
import { openTls } from '../../client/tls.ts';
import { explainNetworkError } from '../../net/explain.ts';
import { STATUS_CODES } from '../../net/node-http.ts';
import { type Nanoseconds, nanoseconds, toMilliseconds } from '../../telemetry/units.ts';
import type { OAuth2Config } from './config.ts';

export interface Token {
  /** As a header has it. */
  readonly authorization: string;
  /** From now on; undefined: it does not end. */
  readonly lifetime: Nanoseconds | undefined;
}

/** Where the server looks for the client's secret: RFC 6749 has both, and a server may know one of them only. */
export type AuthStyle = 'header' | 'body';

/** Asks for a token with the client's credentials, which are read anew. No error holds a secret. */
export async function fetchToken(
  config: OAuth2Config,
  style: AuthStyle,
): Promise<{ readonly token: Token; readonly style: AuthStyle }> {
  const connection = openHttp({ headers: {}, tls: config.tls }, openTls(config.tls));
  try {
    const answer = await ask(config, { connection, style });
    if (answer.status === 200) return { token: tokenIn(answer.body), style };
    const isAboutClient = answer.status === 400 || answer.status === 401;
    const other = style === 'header' ? 'body' : 'header';
    const second = isAboutClient ? await ask(config, { connection, style: other }) : undefined;
    if (second?.status === 200) return { token: tokenIn(second.body), style: other };
    throw new Error(
      `it answered ${answer.status} ${STATUS_CODES[answer.status] ?? ''}${errorIn(answer.body)}`,
    );
  } catch (error) {
    throw new Error(`cannot fetch a token from ${printable(config.token_url)}: ${reasonOf(error)}`);
  } finally {
    connection.close();
  }
}

interface Asking {
  readonly connection: HttpConnection;
  readonly style: AuthStyle;
}

function ask(config: OAuth2Config, { connection, style }: Asking) {
  const id = config.client_id_file === undefined ? (config.client_id ?? '') : readLine(config.client_id_file);
  const secret =
    config.client_secret_file === undefined
      ? (config.client_secret ?? '')
      : readLine(config.client_secret_file);
  const form = new URLSearchParams({ grant_type: 'client_credentials' });
  if (config.scopes.length > 0) form.set('scope', config.scopes.join(' '));
  for (const [name, value] of Object.entries(config.endpoint_params))
    for (const one of Array.isArray(value) ? value : [value]) form.append(name, one);
  if (style === 'body') {
    form.set('client_id', id);
    form.set('client_secret', secret);
  }
  const pair = `${encodeURIComponent(id)}:${encodeURIComponent(secret)}`;
  return connection.post(new URL(config.token_url), {
    headers: {
      'Content-Type': 'application/x-www-form-urlencoded',
      Accept: 'application/json',
      ...(style === 'header' && { Authorization: `Basic ${Buffer.from(pair).toString('base64')}` }),
    },
    body: Buffer.from(form.toString()),
    abort: AbortSignal.timeout(toMilliseconds(config.timeout)),
  });
}

function tokenIn(body: Buffer): Token {
  const { access_token, token_type, expires_in } = objectIn(body);
  if (typeof access_token !== 'string' || access_token === '')
    throw new Error('its answer has no access_token');
  const type = typeof token_type === 'string' && token_type !== '' ? token_type : 'Bearer';
  const authorization = `${/^bearer$/i.test(type) ? 'Bearer' : type} ${access_token}`;
  const left = Number(expires_in);
  return {
    authorization: checkedHeaderValue(authorization, 'its access_token'),
    lifetime: Number.isFinite(left) && left > 0 ? nanoseconds(Math.round(left * 1e9)) : undefined,
  };
}

/** The code of RFC 6749, 5.2. */
function errorIn(body: Buffer): string {
  try {
    const { error } = objectIn(body);
    return typeof error === 'string' && /^[\w.-]{1,60}$/.test(error) ? `: ${error}` : '';
  } catch {
    return ''; // the status has to do
  }
}

function objectIn(body: Buffer): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(body.toString());
  } catch {
    // The error of JSON.parse has a part of the text.
  }
  if (typeof value !== 'object' || value === null) throw new Error('its answer is no JSON object');
  return value as Readonly<Record<string, unknown>>;
}

function reasonOf(error: unknown): string {
  const { name, code = '', message } = error as NodeJS.ErrnoException; // thrown by Node.js, or above
  if (name === 'TimeoutError' || name === 'AbortError') return 'no answer in time';
  return explainNetworkError(`${code} ${message}`, { keys: 'tls::' })?.meaning ?? message;
}

function printable(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}
