import {
  type ChannelOptions,
  Client,
  compressionAlgorithms,
  credentials,
  type Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { hostOf, TlsCredentials } from '../../client/grpc-credentials.ts';
import { metadataOf } from '../../client/grpc-metadata.ts';
import { openTls, type Tls } from '../../client/tls.ts';
import type { Attempt } from '../../component.ts';
import { toMilliseconds } from '../../telemetry/units.ts';
import { version } from '../../version.ts';
import type { OtlpGrpcConfig } from './config.ts';
import { target } from './target.ts';

interface Request extends Attempt {
  /** Beside those that are configured. */
  readonly credentials: Readonly<Record<string, string>>;
}

/** One gRPC channel that carries messages encoded already. */
export interface Connection {
  /** Where it leads, for a person to read. */
  readonly address: string;
  /** The answer's message; the server is told the timeout. Rejects with grpc-js' `ServiceError`. */
  call(path: string, message: Uint8Array, request: Request): Promise<Buffer>;
  close(): void;
}

/** For plaintext nothing is read. */
export const tlsOf = (config: OtlpGrpcConfig): Tls | undefined =>
  target(config).plaintext ? undefined : openTls(config.tls);

/** Nothing connects before the first call. */
export function openConnection(config: OtlpGrpcConfig, secure: Tls | undefined): Connection {
  const { address } = target(config);
  if (address === '') throw new Error('requires a non-empty "endpoint"');
  const { tls } = config;
  const metadata = metadataOf(config.headers);
  const client = new Client(
    address,
    secure
      ? new TlsCredentials(secure.context, {
          name: tls.server_name_override ?? hostOf(address),
          rejectUnauthorized: !tls.insecure_skip_verify,
        })
      : credentials.createInsecure(),
    channelOptions(config),
  );
  return {
    address,
    call: (path, message, { abort, timeout, credentials: shown }) =>
      new Promise((resolve, reject) => {
        const call = client.makeUnaryRequest<Uint8Array, Buffer>(
          path,
          (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
          (bytes) => bytes,
          message,
          withCredentials(metadata, shown),
          timeout > 0 ? { deadline: Date.now() + toMilliseconds(timeout) } : {},
          (error: ServiceError | null, answer?: Buffer) => {
            abort.removeEventListener('abort', cancel);
            if (error) reject(error);
            else resolve(answer ?? Buffer.alloc(0));
          },
        );
        const cancel = () => call.cancel();
        if (abort.aborted) cancel();
        else abort.addEventListener('abort', cancel);
      }),
    close: () => client.close(),
  };
}

function withCredentials(metadata: Metadata, credentials: Request['credentials']): Metadata {
  const whole = metadata.clone();
  for (const [name, value] of Object.entries(credentials)) whole.set(name, value);
  return whole;
}

function channelOptions({ compression, keepalive, tls }: OtlpGrpcConfig): ChannelOptions {
  return {
    'grpc.primary_user_agent': `earshot/${version}`,
    'grpc.default_compression_algorithm': compressionAlgorithms[compression === 'gzip' ? 'gzip' : 'identity'],
    // Keeps a record of every call's sockets for ever.
    'grpc.enable_channelz': 0,
    // Retries are the queue's; no policy comes by DNS.
    'grpc.service_config_disable_resolution': 1,
    // Fails with the channel when it is closed, instead of lingering for another.
    'grpc.use_local_subchannel_pool': 1,
    // The default of two minutes would outlast several of the queue's retries after the destination is back.
    'grpc.max_reconnect_backoff_ms': 10_000,
    ...(keepalive && {
      'grpc.keepalive_time_ms': toMilliseconds(keepalive.time),
      'grpc.keepalive_timeout_ms': toMilliseconds(keepalive.timeout),
      'grpc.keepalive_permit_without_calls': keepalive.permit_without_stream ? 1 : 0,
    }),
    ...(tls.server_name_override !== undefined && {
      'grpc.default_authority': tls.server_name_override,
    }),
  };
}
