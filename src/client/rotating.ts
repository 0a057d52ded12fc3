import { isDeepStrictEqual } from 'node:util';
import type { Host, Running, Task } from '../component.ts';
import { type Replaceable, replaceable } from './replaceable.ts';
import type { Tls } from './tls.ts';
import type { TlsClientConfig } from './tls-keys.ts';

/** What a client has to show and to believe, of which new values are taken while it runs. */
interface Credentials {
  readonly headers?: Readonly<Record<string, string>>;
  readonly tls: TlsClientConfig;
}

interface Opening<Settings, Secure, Connection> {
  /** Undefined: plaintext. Throws where the files cannot be used. */
  tls(settings: Settings): Secure;
  open(settings: Settings, tls: Secure): Connection;
}

export interface Rotating<Connection> extends Pick<Replaceable<Connection>, 'use'>, Required<Running> {}

/**
 * The connection of a client, made anew where its files of TLS have changed, each `reload_interval`, and where it is given
 * other headers or settings of TLS. While new files cannot be used, the connection stays, and the task fails.
 */
export function openRotating<
  Settings extends Credentials,
  Secure extends Tls | undefined,
  Connection extends { close(): void },
>(
  first: Settings,
  { tls: tlsOf, open }: Opening<Settings, Secure, Connection>,
  { log }: Pick<Host, 'log'>,
): Rotating<Connection> {
  let settings = first;
  let tls = tlsOf(settings);
  const connection = replaceable(open(settings, tls));
  function rotate(next: Settings, read: Secure): void {
    connection.replace(open(next, read));
    if (read?.digest !== tls?.digest) log.info('Certificates, keys or authorities of TLS were read anew.');
    settings = next;
    tls = read;
  }
  const reload: Task = {
    name: 'reload_tls',
    every: settings.tls.reload_interval,
    run() {
      const read = tlsOf(settings);
      if (read?.digest !== tls?.digest) rotate(settings, read);
    },
  };
  return {
    use: connection.use,
    tasks: tls && reload.every > 0 ? [reload] : [],
    async reconfigure(config) {
      const next = config as Settings; // as it was checked
      if (!isDeepStrictEqual(lasting(settings), lasting(next))) return 'restart';
      rotate(next, tlsOf(next));
      return 'applied';
    },
    close: async () => connection.close(),
  };
}

/** What a running client cannot take other values of. */
const lasting = ({ headers, tls: { reload_interval }, ...rest }: Credentials) => ({
  ...rest,
  reload_interval,
});
