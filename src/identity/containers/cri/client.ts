import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { type Bytes, type Nanoseconds, toMilliseconds } from '../../../telemetry/units.ts';
import { version } from '../../../version.ts';
import { SourceError, sourceError } from '../../source-error.ts';
import type { RuntimeClient, RuntimeEvent } from '../client.ts';
import { containerFacts, listing, podFacts, type RuntimeContext, sandboxFacts } from './facts.ts';
import { ImageNames } from './images.ts';
import {
  type Codec,
  type Container,
  type ContainerEvent,
  containerDeleted,
  containerEvent,
  containerStatus,
  containerStatusRequest,
  containers,
  empty,
  images as imageList,
  podSandboxes,
  versionResponse,
} from './messages.ts';

const service = '/runtime.v1.RuntimeService/';
const imageService = '/runtime.v1.ImageService/';

/**
 * First versions whose event stream all may read: before, each event went to only one of those who asked, and one who
 * reads along would take it from the kubelet (containerd issue 7318, CRI-O pull request 6838).
 */
const sharedEvents: ReadonlyMap<string, readonly [major: number, minor: number]> = new Map([
  ['containerd', [2, 0]],
  ['cri-o', [1, 28]],
]);

/** Lists until images are asked for again after that failed. */
const listsPerFailure = 10;

export interface CriClientOptions {
  readonly path: string;
  /** For each request. */
  readonly timeout: Nanoseconds;
  readonly maxMessage: Bytes;
}

export function connectCri({ path, timeout, maxMessage }: CriClientOptions): RuntimeClient {
  const client = new Client(`unix:${path}`, credentials.createInsecure(), {
    'grpc.primary_user_agent': `earshot/${version}`,
    'grpc.max_receive_message_length': maxMessage,
    // Keeps a record of every call's sockets for ever.
    'grpc.enable_channelz': 0,
    'grpc.service_config_disable_resolution': 1,
    // A new client is a new connection, at a time of our own.
    'grpc.use_local_subchannel_pool': 1,
  });
  const images = new ImageNames();
  let known: RuntimeContext = { runtime: 'cri', images };
  let listsWithoutImages = 0;
  /** A closed client would let them go on. */
  const calls = new Set<{ cancel(): void }>();

  const call = <Answer>(method: string, request: Buffer, answer: Codec<Answer>, of = service) =>
    new Promise<Answer>((resolve, reject) => {
      const call = client.makeUnaryRequest<Buffer, Answer>(
        of + method,
        (bytes) => bytes,
        answer.decode,
        request,
        { deadline: Date.now() + toMilliseconds(timeout) },
        (error, value) => {
          calls.delete(call);
          if (error) reject(explain(error, method));
          else if (value === undefined)
            reject(new SourceError('invalid_response', `${method} answered nothing`));
          else resolve(value);
        },
      );
      calls.add(call);
    });
  const nothing = empty.encode({});

  /** A store of images may be slow, or elsewhere: names do not wait for it again and again. */
  const learnImages = async (listed: readonly Container[]): Promise<SourceError | undefined> => {
    if (listsWithoutImages > 0) listsWithoutImages--;
    else if (images.areMissing(listed))
      try {
        images.learn((await call('ListImages', nothing, imageList, imageService)).images, listed);
      } catch (error) {
        const failure = sourceError(error);
        const isElsewhere = failure.reason === 'unimplemented';
        listsWithoutImages = isElsewhere ? Number.POSITIVE_INFINITY : listsPerFailure;
        if (!isElsewhere) return failure;
      }
    return undefined;
  };

  return {
    async handshake() {
      const { runtimeName, runtimeVersion } = await call('Version', nothing, versionResponse);
      known = { runtime: runtimeName || known.runtime, images };
      return {
        runtime: `${runtimeName} ${runtimeVersion}`,
        hasEvents: canShareEvents(runtimeName, runtimeVersion),
      };
    },

    async list() {
      // The sandboxes last: then no container is without its pod.
      const { containers: listed } = await call('ListContainers', nothing, containers);
      const { items } = await call('ListPodSandbox', nothing, podSandboxes);
      const lacking = await learnImages(listed);
      return { ...listing(items, { containers: listed, known }), ...(lacking && { lacking }) };
    },

    async inspect(id) {
      const request = containerStatusRequest.encode({ containerId: id });
      try {
        const { status } = await call('ContainerStatus', request, containerStatus);
        return status ? containerFacts(status, known) : undefined;
      } catch (error) {
        if (error instanceof SourceError && error.reason === 'not_found') return undefined;
        throw error;
      }
    },

    follow: (emit) =>
      new Promise<void>((resolve, reject) => {
        const stream = client.makeServerStreamRequest<Buffer, ContainerEvent>(
          `${service}GetContainerEvents`,
          (bytes) => bytes,
          containerEvent.decode,
          nothing,
        );
        calls.add(stream);
        stream.on('close', () => calls.delete(stream));
        stream.on('data', (event: ContainerEvent) => emit(eventOf(event, known)));
        stream.on('error', (error: ServiceError) => reject(explain(error, 'GetContainerEvents')));
        stream.on('end', resolve);
      }),

    close() {
      for (const call of calls) call.cancel();
      client.close();
    },
  };
}

export function canShareEvents(runtime: string, version: string): boolean {
  const first = sharedEvents.get(runtime);
  const match = /^v?(\d+)\.(\d+)/.exec(version);
  if (!first || !match) return false;
  const [major, minor] = [Number(match[1]), Number(match[2])];
  return major > first[0] || (major === first[0] && minor >= first[1]);
}

/** An event holds the state of the whole pod. */
export function eventOf(event: ContainerEvent, known: RuntimeContext): RuntimeEvent {
  const { containerId: id, type, podSandboxStatus: sandbox, containersStatuses } = event;
  if (type === containerDeleted) return { kind: 'gone', id };
  const of = containersStatuses.filter((container) => container.id === id);
  const pod = sandbox ? podFacts(sandbox) : undefined;
  if (of.length === 0 && sandbox?.id !== id) return { kind: 'changed', id };
  return {
    kind: 'updated',
    pods: pod ? [pod] : [],
    containers: [
      ...(sandbox ? [sandboxFacts(sandbox, known)] : []),
      ...of.map((container) => containerFacts(container, known)),
    ],
  };
}

function explain({ code, details }: ServiceError, method: string): SourceError {
  const text = `${method} answered ${status[code]}: ${details}`;
  switch (code) {
    case status.UNAVAILABLE:
      if (/ECONNREFUSED|ENOENT/.test(details))
        return new SourceError('unreachable', 'nobody listens on its socket');
      if (/EACCES|EPERM/.test(details))
        return new SourceError('forbidden', 'no permission to connect to its socket');
      if (/Protocol error|HTTP\/2|ERR_HTTP2/i.test(details))
        return new SourceError('invalid_response', `it does not speak gRPC: ${details}`);
      return new SourceError('connection_reset', text);
    case status.DEADLINE_EXCEEDED:
      return new SourceError('timeout', `${method} had no answer in time`);
    case status.CANCELLED:
      return new SourceError('connection_reset', text);
    case status.PERMISSION_DENIED:
      return new SourceError('forbidden', text);
    case status.UNAUTHENTICATED:
      return new SourceError('unauthorized', text);
    case status.NOT_FOUND:
      return new SourceError('not_found', text);
    case status.UNIMPLEMENTED:
      return new SourceError('unimplemented', `it has no ${method} of CRI v1 (${details})`);
    case status.RESOURCE_EXHAUSTED:
      return new SourceError('too_large', text);
    case status.INTERNAL:
      return new SourceError(
        /pars|decompress|deserializ/i.test(details) ? 'invalid_response' : 'status',
        text,
      );
    default:
      return new SourceError('status', text);
  }
}
