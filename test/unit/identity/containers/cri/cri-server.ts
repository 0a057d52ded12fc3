import {
  Server,
  ServerCredentials,
  type ServerWritableStream,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import * as messages from '../../../../../src/identity/containers/cri/messages.ts';

type Respond = sendUnaryData<object>;
type Answer = (request: object, respond: Respond) => void;
type Follower = ServerWritableStream<object, object>;

/**
 * A server of our own in place of a container runtime's: it answers as the test wants, well or badly. What real ones
 * answer is tested with containerd (`test/e2e/unattached/cri.test.ts`).
 */
export interface CriServer {
  /** By method. */
  readonly answers: Map<Method, Answer>;
  readonly requested: string[];
  readonly followers: ReadonlySet<Follower>;
  emit(event: object): void;
  /** Cuts all connections. */
  close(): Promise<void>;
}

const answerCodecs = {
  Version: messages.versionResponse,
  ListPodSandbox: messages.podSandboxes,
  ListContainers: messages.containers,
  ContainerStatus: messages.containerStatus,
  ListImages: messages.images,
} as const;
type Method = keyof typeof answerCodecs;

export const answering =
  (value: object): Answer =>
  (_request, respond) =>
    respond(null, value);

export async function startCriServer(socketPath: string): Promise<CriServer> {
  const requested: string[] = [];
  const followers = new Set<Follower>();
  const answers = new Map<Method, Answer>([
    ['Version', answering({ runtimeName: 'containerd', runtimeVersion: 'v2.4.2' })],
    ['ListPodSandbox', answering({})],
    ['ListContainers', answering({})],
    ['ListImages', answering({})],
  ]);
  const server = new Server();
  const entries = Object.entries(answerCodecs).map(([name, codec]) => [
    name,
    {
      path: `/runtime.v1.${name === 'ListImages' ? 'ImageService' : 'RuntimeService'}/${name}`,
      requestStream: false,
      responseStream: false,
      requestSerialize: messages.containerStatusRequest.encode,
      requestDeserialize: messages.containerStatusRequest.decode,
      // Raw bytes are sent as they are: for answers that are no message.
      responseSerialize: (value: object) => (Buffer.isBuffer(value) ? value : codec.encode(value)),
      responseDeserialize: codec.decode,
    },
  ]);
  const unary = (name: Method) => (call: { request: object }, respond: Respond) => {
    requested.push(name);
    const answer = answers.get(name);
    if (answer) answer(call.request, respond);
    else respond({ code: status.NOT_FOUND, details: 'no such container' });
  };
  server.addService(
    {
      ...Object.fromEntries(entries),
      GetContainerEvents: {
        path: '/runtime.v1.RuntimeService/GetContainerEvents',
        requestStream: false,
        responseStream: true,
        requestSerialize: messages.empty.encode,
        requestDeserialize: messages.empty.decode,
        responseSerialize: (value: object) =>
          Buffer.isBuffer(value) ? value : messages.containerEvent.encode(value),
        responseDeserialize: messages.containerEvent.decode,
      },
    },
    {
      Version: unary('Version'),
      ListPodSandbox: unary('ListPodSandbox'),
      ListContainers: unary('ListContainers'),
      ContainerStatus: unary('ContainerStatus'),
      ListImages: unary('ListImages'),
      GetContainerEvents(call: Follower) {
        requested.push('GetContainerEvents');
        followers.add(call);
        call.on('close', () => followers.delete(call)).on('cancelled', () => followers.delete(call));
      },
    },
  );
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.bindAsync(`unix:${socketPath}`, ServerCredentials.createInsecure(), (error) =>
    error ? reject(error) : resolve(),
  );
  await promise;
  return {
    answers,
    requested,
    followers,
    emit(event) {
      for (const follower of followers) follower.write(event);
    },
    async close() {
      server.forceShutdown();
    },
  };
}
