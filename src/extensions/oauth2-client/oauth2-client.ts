import type { AuthenticatorComponent } from '../../component.ts';
import { oauth2Config, oauth2Problems } from './config.ts';

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
  open: async (settings, host) => (await import('./authenticator.ts')).openAuthenticator(settings, host),
};
