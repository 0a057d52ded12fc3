import type { ConfigProblem } from '../../component.ts';
import { validateHeaderName, validateHeaderValue } from '../../net/node-http.ts';
import { isPlainKey } from '../rules/secrets.ts';
import { secret } from './secret.ts';
import { Type } from './type.ts';

export const headersKey = {
  headers: Type.Record(Type.String(), secret(), {
    default: {},
    description: 'Sent with each request; never printed.',
  }),
};

/** gRPC carries any bytes under such a name. */
export const isBinary = (name: string): boolean => /-bin$/i.test(name);

/** Throws where the protocol does not carry a header. */
const checks = {
  HTTP(name: string, value: string) {
    validateHeaderName(name);
    validateHeaderValue(name, value);
  },
  /** As grpc-js, which the check of a configuration does not load. */
  gRPC(name: string, value: string) {
    if (!/^[:\w.-]+$/.test(name.toLowerCase())) throw new Error('illegal name');
    if (!isBinary(name) && !/^[ -~]*$/.test(value)) throw new Error('illegal value');
  },
} as const;

/** No message repeats a value: it may come from the environment. */
export function headerProblems(
  headers: Readonly<Record<string, string>>,
  protocol: keyof typeof checks,
): readonly ConfigProblem[] {
  return Object.entries(headers).flatMap(([name, value]) => {
    try {
      checks[protocol](name, value);
      return [];
    } catch {
      // Only why it was thrown is known, and the error may hold the value.
      const message = `name or value of a header has a character that ${protocol} does not carry`;
      return [{ path: isPlainKey(name) ? ['headers', name] : ['headers'], message }];
    }
  });
}
