import type { Static } from 'typebox';
import { keptCredentials, problemOf } from '../client/kept-credentials.ts';
import { readLine } from '../client/secret-file.ts';
import type { AuthenticatorComponent, ConfigProblem } from '../component.ts';
import { secret } from '../config/schema/secret.ts';
import { Type } from '../config/schema/type.ts';

const file = (of: string) =>
  Type.Optional(
    Type.String({
      minLength: 1,
      description: `File whose first line is the ${of}, in place of \`${of}\`; read again each 10 s, and where the server refuses it.`,
    }),
  );

const config = Type.Object(
  {
    client_auth: Type.Object(
      {
        username: Type.Optional(Type.String({ description: 'Name of the user.' })),
        username_file: file('username'),
        password: Type.Optional(secret({ description: 'Password; never printed.' })),
        password_file: file('password'),
      },
      { additionalProperties: false, description: 'What is shown to a server.' },
    ),
  },
  { additionalProperties: false },
);

type Settings = Static<typeof config>;
type Part = 'username' | 'password';

export const basicAuth: AuthenticatorComponent<typeof config> = {
  kind: 'extension',
  type: 'basic_auth',
  aliases: ['basicauth'],
  summary: 'Shows a name and a password to the servers of exporters.',
  stability: 'beta',
  provides: 'authenticator',
  config,
  check: (settings) => [...partProblems(settings, 'username'), ...partProblems(settings, 'password')],
  open: async (settings, host) => keptCredentials(settings, headersOf, host),
};

function partProblems(settings: Settings, part: Part): readonly ConfigProblem[] {
  const { [part]: text, [`${part}_file` as const]: path } = settings.client_auth;
  if (text === undefined && path === undefined)
    return [{ path: ['client_auth'], message: `has no ${part}: set ${part} or ${part}_file` }];
  if (path !== undefined) return problemOf(['client_auth', `${part}_file`], () => readLine(path));
  const message = 'must not have a colon, which ends the name in what is sent';
  return part === 'username' && text?.includes(':') ? [{ path: ['client_auth', part], message }] : [];
}

function headersOf({ client_auth }: Settings) {
  const of = (part: Part) => {
    const { [part]: text = '', [`${part}_file` as const]: path } = client_auth;
    return path === undefined ? text : readLine(path);
  };
  return { authorization: `Basic ${Buffer.from(`${of('username')}:${of('password')}`).toString('base64')}` };
}
