import { isDeepStrictEqual } from 'node:util';
import type { Host, Receiver, Task } from '../../component.ts';
import { parseHostPort } from '../../net/host-port.ts';
import { type Listener, listen } from '../../net/listener.ts';
import type { OtlpSignal } from '../../telemetry/otlp.ts';
import { bytes, seconds } from '../../telemetry/units.ts';
import type { GrpcConfig, HttpConfig, OtlpConfig, ProtocolServer } from './config.ts';
import { intakeCounters } from './emits.ts';
import { createGrpc } from './grpc.ts';
import { createHttp } from './http.ts';
import { createIntake, type Intake } from './intake.ts';
import { openOtlpTls } from './server-tls.ts';

export async function openReceiver(config: OtlpConfig, host: Host): Promise<Receiver> {
  const { protocols, max_bytes_in_flight } = config;
  const intake = createIntake(host, bytes(max_bytes_in_flight));
  const served: Served[] = [];
  const close = async () => {
    for (const { server } of served) server.close();
    await Promise.all(served.map(({ listener }) => listener.close()));
  };
  try {
    const { grpc, http } = protocols;
    if (grpc)
      served.push(await serve(grpc, { host, server: await grpcServer(grpc, intake, host), alpn: 'h2' }));
    if (http)
      served.push(await serve(http, { host, server: httpServer(http, intake, host), alpn: 'http/1.1' }));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    tasks: served.flatMap(({ tasks }) => tasks),
    listen: intake.listen,
    async reconfigure(next) {
      if (!isDeepStrictEqual(next, config)) return 'restart';
      for (const { secure } of served) secure();
      return 'applied';
    },
    async stopListening() {
      for (const { listener } of served) listener.stop();
      const answered = intake.stop();
      for (const { server } of served) server.stop();
      await answered;
    },
    close,
  };
}

/** A protocol where it listens. */
interface Served {
  readonly listener: Listener;
  readonly server: ProtocolServer;
  readonly tasks: readonly Task[];
  /** Reads the files of TLS, for new connections. */
  secure(): void;
}

const unreadBy = (host: Host, transport: 'grpc' | 'http') => () =>
  host.counters.add(intakeCounters.unread, 1, { receiver: host.id, transport });

const grpcServer = (config: GrpcConfig, intake: Intake, host: Host) =>
  createGrpc({ config, intake, onUnread: unreadBy(host, 'grpc') });

const httpServer = (config: HttpConfig, intake: Intake, host: Host) =>
  createHttp({
    intake,
    maxBody: bytes(config.max_request_body_size),
    paths: new Map<string, OtlpSignal>([
      [config.traces_url_path, 'traces'],
      [config.metrics_url_path, 'metrics'],
      [config.logs_url_path, 'logs'],
    ]),
    onUnread: unreadBy(host, 'http'),
  });

/** Of one protocol: applications of a node are hundreds. */
const maxConnections = 1024;

const checkAccept = seconds(10);

interface Serving {
  readonly host: Host;
  readonly server: ProtocolServer;
  readonly alpn: string;
}

async function serve(config: GrpcConfig | HttpConfig, { host, server, alpn }: Serving): Promise<Served> {
  const { endpoint, transport, tls } = config;
  let failure: string | undefined;
  const listener = await listen({
    ...{ endpoint, transport, maxConnections },
    ...(tls && { tls: { ...openOtlpTls(tls), ALPNProtocols: [alpn] } }),
    onConnection: server.accept,
    onFailed(reason) {
      failure = reason;
    },
    onInsecure: () => unreadBy(host, alpn === 'h2' ? 'grpc' : 'http')(),
  }).catch((error: unknown) => {
    server.close();
    throw error;
  });
  const at = transport === 'unix' ? endpoint : endpoint.replace(/:0$/, `:${listener.port}`);
  host.log.info({ endpoint: at }, `Starting ${alpn === 'h2' ? 'GRPC' : 'HTTP'} server`);
  if (!tls && transport !== 'unix' && !isLoopback(endpoint))
    host.log.warn(
      { endpoint: at },
      'The endpoint is reachable from other machines, without TLS: whatever reaches it can send data. Set tls, or an address of this machine alone.',
    );
  const accept: Task = {
    name: `accept at ${endpoint}`,
    every: checkAccept,
    run() {
      const reason = failure;
      failure = undefined;
      if (reason !== undefined) throw new Error(reason);
    },
  };
  const secure = () => {
    if (tls) listener.secure(openOtlpTls(tls));
  };
  const every = tls?.reload_interval;
  const reload =
    every === undefined ? [] : [{ name: `read the files of TLS for ${endpoint}`, every, run: secure }];
  return { listener, server, tasks: [accept, ...reload], secure };
}

function isLoopback(endpoint: string): boolean {
  const { host = '' } = parseHostPort(endpoint) ?? {};
  return host === 'localhost' || host === '::1' || /^127\./.test(host);
}
