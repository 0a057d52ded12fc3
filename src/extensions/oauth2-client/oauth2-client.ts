import type { AuthenticatorComponent } from '../../component.ts';
import { type OAuth2Config, oauth2Config, oauth2Problems } from './config.ts';
import { type AuthStyle, fetchToken } from './fetch-token.ts';
import { cacheToken } from './token-cache.ts';

export const oauth2Client: AuthenticatorComponent<typeof oauth2Config> = {
  kind: 'extension',
  type: 'oauth2_client',
  aliases: ['oauth2client'],
  summary:
    'Shows a token that it fetches with the client credentials of OAuth 2.0 to the servers of exporters.',
  stability: 'beta',
  provides: 'authenticator',
  config: oauth2Config,
  check: oauth2Problems,
  async open(first, host) {
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
  },
};
