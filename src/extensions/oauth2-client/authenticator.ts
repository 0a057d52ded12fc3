import type { Authenticator, Host } from '../../component.ts';
import type { OAuth2Config } from './config.ts';
import { type AuthStyle, fetchToken } from './fetch-token.ts';
import { cacheToken } from './token-cache.ts';

export function openAuthenticator(first: OAuth2Config, host: Host): Authenticator {
  let settings = first;
  let style: AuthStyle = 'header';
  const cache = cacheToken(
    async () => {
      const fetched = await fetchToken(settings, style);
      style = fetched.style;
      return fetched.token;
    },
    { buffer: () => settings.expiry_buffer, host },
  );
  return {
    headers: async () => ({ authorization: await cache.authorization() }),
    renew: ({ authorization = '' }) => cache.renew(authorization),
    async reconfigure(next) {
      settings = next as OAuth2Config; // as it was checked
      cache.forget();
      return 'applied';
    },
    async close() {},
  };
}
