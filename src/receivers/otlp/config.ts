import type { Socket } from 'node:net';
import type { Static } from 'typebox';
import type { ConfigProblem } from '../../component.ts';
import { duration } from '../../config/schema/duration.ts';
import { Type } from '../../config/schema/type.ts';
import { listenProblem } from '../../net/host-port.ts';
import { transports } from '../../net/listener.ts';
import { type OtlpTls, otlpTls, otlpTlsProblems } from './server-tls.ts';

const closed = { additionalProperties: false } as const;

const transport = Type.Enum(transports, {
  default: 'tcp',
  description: 'How it listens: `tcp`, `tcp4`, `tcp6`, or `unix` with the path of a socket as `endpoint`.',
});

const optionalDuration = (description: string) => Type.Optional(duration({ description }));

const grpcConfig = Type.Object(
  {
    endpoint: Type.String({ default: 'localhost:4317', description: 'Where it listens, `host:port`.' }),
    transport,
    tls: Type.Optional(otlpTls),
    max_recv_msg_size_mib: Type.Integer({
      default: 4,
      minimum: 1,
      maximum: 1024,
      description: 'Largest message, after decompression.',
    }),
    max_concurrent_streams: Type.Optional(
      Type.Integer({ minimum: 1, description: 'Requests under way at the same time on one connection.' }),
    ),
    keepalive: Type.Object(
      {
        server_parameters: Type.Object(
          {
            max_connection_idle: optionalDuration('A connection without requests is ended after so long.'),
            max_connection_age: optionalDuration('A connection is ended after so long.'),
            max_connection_age_grace: optionalDuration('Its requests have so much longer.'),
            time: duration({
              default: '2h',
              description: 'A connection on which nothing comes is asked for a sign after so long.',
            }),
            timeout: duration({ default: '20s', description: 'Without one for so long it is ended.' }),
          },
          { ...closed, default: {} },
        ),
      },
      { ...closed, default: {} },
    ),
  },
  closed,
);

const path = (of: string) =>
  Type.String({ default: `/v1/${of}`, pattern: '^/', description: `Path that takes ${of}.` });

const httpConfig = Type.Object(
  {
    endpoint: Type.String({ default: 'localhost:4318', description: 'Where it listens, `host:port`.' }),
    transport,
    tls: Type.Optional(otlpTls),
    traces_url_path: path('traces'),
    metrics_url_path: path('metrics'),
    logs_url_path: path('logs'),
    max_request_body_size: Type.Integer({
      default: 20 * 1024 * 1024,
      minimum: 1,
      description: 'Largest body in bytes, before and after decompression.',
    }),
  },
  closed,
);

export const otlpConfig = Type.Object(
  {
    protocols: Type.Object(
      { grpc: Type.Optional(grpcConfig), http: Type.Optional(httpConfig) },
      { ...closed, description: 'Those that are written are served, each with its defaults; at least one.' },
    ),
    max_bytes_in_flight: Type.Integer({
      default: 64 * 1024 * 1024,
      minimum: 1024,
      description:
        'Bytes of requests, decompressed, that are read and not yet answered; beyond that senders are told to try again.',
    }),
  },
  closed,
);

export type OtlpConfig = Static<typeof otlpConfig>;
export type GrpcConfig = Static<typeof grpcConfig>;
export type HttpConfig = Static<typeof httpConfig>;

/** Speaks a protocol on connections. */
export interface ProtocolServer {
  accept(socket: Socket): void;
  /** Lets go of connections on which nothing is under way. */
  stop(): void;
  close(): void;
}

export function otlpProblems({ protocols }: OtlpConfig): readonly ConfigProblem[] {
  if (protocols.grpc === undefined && protocols.http === undefined)
    return [
      {
        path: ['protocols'],
        message: 'must specify at least one protocol when using the OTLP receiver: grpc, http',
      },
    ];
  return Object.entries(protocols).flatMap(([name, protocol]) =>
    protocolProblems(protocol).map(({ path: keys, message }) => ({
      path: ['protocols', name, ...keys],
      message,
    })),
  );
}

function protocolProblems(protocol: {
  readonly endpoint: string;
  readonly transport: string;
  readonly tls?: OtlpTls;
}): readonly ConfigProblem[] {
  const { endpoint, tls } = protocol;
  const message =
    protocol.transport === 'unix'
      ? endpoint.startsWith('/')
        ? undefined
        : 'must be the absolute path of a socket, as /run/otlp.sock, with transport unix'
      : listenProblem(endpoint, 'localhost:4317');
  return [
    ...(message === undefined ? [] : [{ path: ['endpoint'], message }]),
    ...(tls ? otlpTlsProblems(tls) : []),
  ];
}
