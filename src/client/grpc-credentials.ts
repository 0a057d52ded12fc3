import { isIP } from 'node:net';
import { type ConnectionOptions, connect, type SecureContext } from 'node:tls';
import { type CallCredentials, ChannelCredentials, credentials } from '@grpc/grpc-js';

type Connector = ReturnType<ChannelCredentials['_createSecureConnector']>;

/**
 * TLS of a gRPC channel. grpc-js' own sends an IP address as the server's name, which RFC 6066 forbids and Node.js warns of
 * (DEP0123): for an address no name is sent, and the certificate has to be for the address. It inherits, as grpc-js takes
 * nothing else.
 */
export class TlsCredentials extends ChannelCredentials {
  readonly #options: ConnectionOptions;

  /** `name`: the one that the certificate has to be for, or an IP address. */
  constructor(
    secureContext: SecureContext,
    { name, rejectUnauthorized = true }: { readonly name: string; readonly rejectUnauthorized?: boolean },
  ) {
    super();
    this.#options = {
      ...{ secureContext, rejectUnauthorized, host: name, ALPNProtocols: ['h2'] },
      ...(isIP(name) === 0 && { servername: name }),
    };
  }

  override _isSecure(): boolean {
    return true;
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  override _createSecureConnector(
    _target: unknown,
    _options: unknown,
    callCredentials: CallCredentials = credentials.createEmpty(),
  ): Connector {
    return {
      connect: (socket) =>
        new Promise((resolve, reject) => {
          const secured = connect({ ...this.#options, socket }, () =>
            resolve({ socket: secured, secure: true }),
          );
          secured.on('error', reject);
        }),
      waitForReady: async () => {},
      getCallCredentials: () => callCredentials,
      destroy() {},
    };
  }
}

/** Of `host:port`, without the brackets of IPv6; of a socket of this machine `localhost`. */
export const hostOf = (address: string): string =>
  address.startsWith('unix:') ? 'localhost' : address.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
