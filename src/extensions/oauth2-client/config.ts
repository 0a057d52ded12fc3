import type { Static } from 'typebox';
import { problemOf } from '../../client/kept-credentials.ts';
import { readLine } from '../../client/secret-file.ts';
import { tlsProblems } from '../../client/tls.ts';
import { tlsClientKeys } from '../../client/tls-keys.ts';
import type { ConfigProblem } from '../../component.ts';
import { duration } from '../../config/schema/duration.ts';
import { secret } from '../../config/schema/secret.ts';
import { Type } from '../../config/schema/type.ts';

const closed = { additionalProperties: false } as const;
const file = (of: string) =>
  Type.Optional(
    Type.String({
      minLength: 1,
      description: `File whose first line it is, in place of \`${of}\`; read at each request for a token.`,
    }),
  );

export const oauth2Config = Type.Object(
  {
    client_id: Type.Optional(Type.String({ description: 'Id of this client.' })),
    client_id_file: file('client_id'),
    client_secret: Type.Optional(secret({ description: 'Secret of this client; never printed.' })),
    client_secret_file: file('client_secret'),
    token_url: Type.String({ minLength: 1, description: 'Where tokens are to be had, `https://…`.' }),
    scopes: Type.Array(Type.String(), { default: [], description: 'Permissions to ask for.' }),
    endpoint_params: Type.Record(Type.String(), secret(), {
      default: {},
      description: 'What else is sent with the request for a token, as `audience`; never printed.',
    }),
    timeout: duration({ default: '30s', minimum: '1ms', description: 'Time for one request for a token.' }),
    expiry_buffer: duration({
      default: '5m',
      description:
        'Time before the end of a token at which the next one is fetched, at most half of its life.',
    }),
    tls: Type.Object(tlsClientKeys('Without effect: the scheme of `token_url` decides.'), {
      ...closed,
      default: {},
      description: 'Of the connection to the token server; files are read at each request.',
    }),
  },
  closed,
);

export type OAuth2Config = Static<typeof oauth2Config>;

/** What the schema cannot say. */
export const oauth2Problems = (settings: OAuth2Config): readonly ConfigProblem[] => [
  ...partProblems(settings, 'client_id'),
  ...partProblems(settings, 'client_secret'),
  ...urlProblems(settings.token_url),
  ...tlsProblems(settings.tls),
];

/** In the Collector's words. */
const missing = { client_id: 'no ClientID provided', client_secret: 'no ClientSecret provided' } as const;

function partProblems(settings: OAuth2Config, part: keyof typeof missing): readonly ConfigProblem[] {
  const { [part]: text, [`${part}_file` as const]: path } = settings;
  if (path !== undefined) return problemOf([`${part}_file`], () => readLine(path));
  return text ? [] : [{ path: [], message: `${missing[part]}: set ${part} or ${part}_file` }];
}

function urlProblems(text: string): readonly ConfigProblem[] {
  const path = ['token_url'];
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text))
    return [{ path, message: 'must be a URL, as https://host/oauth2/token' }];
  const { username, password, hash } = new URL(text);
  if (username !== '' || password !== '')
    return [{ path, message: 'must not hold credentials: use client_id and client_secret' }];
  return hash === '' ? [] : [{ path, message: 'must not have a fragment (#)' }];
}
