import type { Host } from '../../component.ts';
import { messageOf } from '../../telemetry/health.ts';
import { type Nanoseconds, seconds } from '../../telemetry/units.ts';
import type { Token } from './fetch-token.ts';

export interface TokenCache {
  /** A token that has not ended. Rejects where there is none. */
  authorization(): Promise<string>;
  /** A server refused this one: whether there is another now. */
  renew(refused: string): Promise<boolean>;
  /** What is there was for other settings. */
  forget(): void;
}

/** A server that refuses every token does not have one fetched for each request. */
const betweenRenewals = seconds(10);

/**
 * Keeps a token and fetches the next one `buffer` before its end, or in the middle of its life where that is later. One
 * request at a time; where it fails, a token that has not ended goes on.
 */
export function cacheToken(
  fetch: () => Promise<Token>,
  { buffer, host: { clock, log } }: { buffer(): Nanoseconds; readonly host: Pick<Host, 'clock' | 'log'> },
): TokenCache {
  let current: { readonly token: Token; readonly since: number } | undefined;
  let fetching: Promise<void> | undefined;
  let renewed = Number.NEGATIVE_INFINITY;

  function fetchNext(): Promise<void> {
    const own = fetch()
      .then((token) => {
        if (fetching === own) current = { token, since: clock.elapsed() };
      })
      .finally(() => {
        if (fetching === own) fetching = undefined;
      });
    fetching = own;
    return own;
  }

  /** How much is left of the token. */
  function left(margin = 0): number {
    if (current === undefined) return 0;
    const { token, since } = current;
    const { lifetime = Number.POSITIVE_INFINITY } = token;
    return lifetime - Math.min(margin, lifetime / 2) - (clock.elapsed() - since);
  }

  return {
    async authorization() {
      if (left(buffer()) <= 0)
        try {
          await (fetching ?? fetchNext());
        } catch (error) {
          if (left() <= 0) throw error;
          log.warn({ error: messageOf(error) }, 'The token cannot be renewed; it is used until its end.');
        }
      if (current === undefined) throw new Error('the settings have changed meanwhile');
      return current.token.authorization;
    },
    async renew(refused) {
      if (current?.token.authorization !== refused) return true;
      const now = clock.elapsed();
      if (fetching === undefined && now - renewed < betweenRenewals) return false;
      renewed = now;
      await (fetching ?? fetchNext());
      return true;
    },
    forget() {
      current = undefined;
      fetching = undefined;
    },
  };
}
