import type { Static } from 'typebox';
import { keptCredentials, problemOf } from '../client/kept-credentials.ts';
import { checkedHeaderValue, readLine } from '../client/secret-file.ts';
import type { AuthenticatorComponent } from '../component.ts';
import { secret } from '../config/schema/secret.ts';
import { Type } from '../config/schema/type.ts';
import { validateHeaderName } from '../net/node-http.ts';

const config = Type.Object(
  {
    scheme: Type.String({
      default: 'Bearer',
      description: 'What stands before the token; empty: nothing.',
    }),
    token: Type.Optional(secret({ description: 'The token; never printed.' })),
    filename: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          'File whose first line is the token, in place of `token`; read again each 10 s, and where the server refuses the token.',
      }),
    ),
    header: Type.String({ default: 'Authorization', minLength: 1, description: 'Header that carries it.' }),
  },
  { additionalProperties: false },
);

export const bearerTokenAuth: AuthenticatorComponent<typeof config> = {
  kind: 'extension',
  type: 'bearer_token_auth',
  aliases: ['bearertokenauth'],
  summary: 'Shows a token to the servers of exporters.',
  stability: 'beta',
  provides: 'authenticator',
  config,
  check(settings) {
    const { token, filename, header } = settings;
    if (!token && filename === undefined)
      return [{ path: [], message: 'no bearer token provided: set token or filename' }];
    return [
      ...problemOf(['header'], () => validateHeaderName(header)),
      ...problemOf([filename === undefined ? 'token' : 'filename'], () => headersOf(settings)),
    ];
  },
  open: async (settings, host) => keptCredentials(settings, headersOf, host),
};

function headersOf({ scheme, token = '', filename, header }: Static<typeof config>) {
  const shown = filename === undefined ? token : readLine(filename);
  const value = checkedHeaderValue(`${scheme} ${shown}`.trim(), filename ?? 'token');
  return { [header.toLowerCase()]: value };
}
