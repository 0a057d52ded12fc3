import { Type } from './type.ts';

/** Which extension adds credentials to requests; one that is not there, or adds none, is refused. */
export const authKey = {
  auth: Type.Optional(
    Type.Object(
      {
        authenticator: Type.String({
          extension: 'authenticator',
          description: 'Extension whose credentials are sent with each request.',
        }),
      },
      { additionalProperties: false, description: 'Credentials from an extension; absent: none.' },
    ),
  ),
};
