import { isDeepStrictEqual } from 'node:util';
import type { Authenticator, ConfigProblem, Host } from '../component.ts';
import { messageOf } from '../telemetry/health.ts';
import { seconds } from '../telemetry/units.ts';

/**
 * Shows headers that settings and files make, which are read again each 10 s, and where a server refuses them. While a file
 * cannot be read, the former content is used, and the task fails.
 */
export function keptCredentials<Settings>(
  first: Settings,
  headersOf: (settings: Settings) => Readonly<Record<string, string>>,
  { log }: Pick<Host, 'log'>,
): Authenticator {
  let settings = first;
  let headers = headersOf(settings);
  function read(): void {
    const next = headersOf(settings);
    if (isDeepStrictEqual(next, headers)) return;
    headers = next;
    log.info('Credentials were read anew.');
  }
  return {
    headers: async () => headers,
    async renew(refused) {
      try {
        read();
      } catch {
        // the task reports it
      }
      return !isDeepStrictEqual(headers, refused);
    },
    tasks: [{ name: 'read_credentials', every: seconds(10), run: read }],
    async reconfigure(next) {
      headers = headersOf(next as Settings); // as it was checked
      settings = next as Settings;
      return 'applied';
    },
    async close() {},
  };
}

/** What reading finds, at a key of the configuration. */
export function problemOf(path: readonly string[], read: () => unknown): readonly ConfigProblem[] {
  try {
    read();
    return [];
  } catch (error) {
    return [{ path, message: messageOf(error) }];
  }
}
