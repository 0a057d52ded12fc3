import type { Response } from '../../client/http.ts';
import { printableUrl } from './endpoint.ts';

/** Where a request goes. */
export interface Route {
  /** As it is configured. */
  readonly first: URL;
  readonly url: URL;
  /** So many have led there. */
  readonly redirects: number;
  /** Each host on the way is that of the first URL, or below it: it may have headers and credentials. */
  readonly isTrusted: boolean;
}

export const routeTo = (url: URL): Route => ({ first: url, url, redirects: 0, isTrusted: true });

/** As many as Go's client follows. */
const mostRedirects = 10;

/** With these a client asks with GET, and the data would be gone. */
const changingMethod: ReadonlySet<number> = new Set([301, 302, 303]);
const keepingMethod: ReadonlySet<number> = new Set([307, 308]);

/**
 * Where an answer sends the same request, as Go's client has it, which is the Collector's; but never from TLS to plaintext. A
 * text: where it is not followed to, and why. Undefined: the answer sends it nowhere.
 */
export function redirectOf(
  { first, url, redirects, isTrusted }: Route,
  { status, location }: Pick<Response, 'status' | 'location'>,
): Route | string | undefined {
  const isRedirect = changingMethod.has(status) || keepingMethod.has(status);
  const next = isRedirect && location !== undefined ? URL.parse(location, url.href) : null;
  if (!next || !/^https?:$/.test(next.protocol)) return undefined;
  const where = `it redirects to ${printableUrl(next)}`;
  if (changingMethod.has(status)) return `${where}: set that as the endpoint`;
  if (url.protocol === 'https:' && next.protocol === 'http:')
    return `${where}, which is not encrypted: set another endpoint`;
  if (redirects >= mostRedirects) return `${where}, after ${mostRedirects} redirects`;
  return {
    ...{ first, url: next, redirects: redirects + 1 },
    isTrusted: isTrusted && isWithin(next.hostname, first.hostname),
  };
}

const isWithin = (host: string, parent: string) => host === parent || host.endsWith(`.${parent}`);
