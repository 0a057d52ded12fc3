import type { ServerUnaryCall, StatusObject, sendUnaryData } from '@grpc/grpc-js';
import { encodeStatus, type RpcStatus } from '../../otlp/status-message.ts';
import { codecOf, type OtlpSignal } from '../../telemetry/otlp.ts';
import { toMilliseconds } from '../../telemetry/units.ts';
import type { GrpcConfig, ProtocolServer } from './config.ts';
import type { Intake, Reply } from './intake.ts';

export interface GrpcOptions {
  readonly config: GrpcConfig;
  readonly intake: Intake;
  /** A request that did not arrive whole. */
  onUnread(): void;
}

/** OTLP over gRPC, on connections that it is given. Loads the library when it is first needed. */
export async function createGrpc(options: GrpcOptions): Promise<ProtocolServer> {
  const { intake, config } = options;
  const grpc = await import('@grpc/grpc-js');

  /** Counts calls that end before their message has come. */
  const watchUnread: NonNullable<ConstructorParameters<typeof grpc.Server>[0]>['interceptors'] = [
    (_method, call) => {
      let isRead = false;
      const listener = new grpc.ServerListenerBuilder()
        .withOnReceiveMessage((message, next) => {
          isRead = true;
          next(message);
        })
        .withOnCancel(() => {
          if (!isRead) options.onUnread();
        })
        .build();
      return new grpc.ServerInterceptingCall(call, { start: (next) => next(listener) });
    },
  ];

  const server = new grpc.Server({ ...channelOptions(config), interceptors: watchUnread });
  const status = ({ code, message, after }: RpcStatus): Partial<StatusObject> => {
    const metadata = new grpc.Metadata();
    const details = { code, message, ...(after !== undefined && { after }) };
    metadata.set('grpc-status-details-bin', Buffer.from(encodeStatus(details, 'proto')));
    return { code, details: message, metadata };
  };
  for (const signal of intake.signals)
    server.register(
      codecOf(signal).grpcMethod,
      (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) =>
        void take(signal, call.request, intake).then((reply) => {
          if (reply.kind === 'refused') callback(status(reply.status));
          else callback(null, Buffer.from(codecOf(signal).writeAnswer(reply.answer, 'proto')));
        }),
      (answer: Buffer) => answer,
      (request: Buffer) => request,
      'unary',
    );
  // TLS, if any, has been taken off the connections
  const connections = server.createConnectionInjector(grpc.ServerCredentials.createInsecure());
  return {
    accept: (socket) => connections.injectConnection(socket),
    stop: () => server.tryShutdown(() => {}), // tells each connection to go elsewhere
    close() {
      connections.destroy();
      server.forceShutdown();
    },
  };
}

async function take(signal: OtlpSignal, bytes: Uint8Array, intake: Intake): Promise<Reply> {
  const room = intake.room();
  if (room === undefined) return intake.deferred('stopping');
  try {
    if (!room.add(bytes.length)) return intake.deferred('busy');
    return await intake.take({ signal, bytes, encoding: 'proto', transport: 'grpc' });
  } finally {
    room.free();
  }
}

const mebibyte = 1024 * 1024;

function channelOptions({
  max_recv_msg_size_mib: size,
  max_concurrent_streams: streams,
  keepalive,
}: GrpcConfig) {
  const { server_parameters: server } = keepalive;
  const options = {
    'grpc.max_receive_message_length': size * mebibyte,
    'grpc.max_concurrent_streams': streams,
    'grpc.keepalive_time_ms': toMilliseconds(server.time),
    'grpc.keepalive_timeout_ms': toMilliseconds(server.timeout),
    'grpc.max_connection_idle_ms': server.max_connection_idle && toMilliseconds(server.max_connection_idle),
    'grpc.max_connection_age_ms': server.max_connection_age && toMilliseconds(server.max_connection_age),
    'grpc.max_connection_age_grace_ms':
      server.max_connection_age_grace && toMilliseconds(server.max_connection_age_grace),
    'grpc.enable_channelz': 0, // keeps a record of every call's sockets for ever
  };
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
