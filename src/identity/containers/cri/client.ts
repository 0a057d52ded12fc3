import { RequestError, requestError } from '../../../net/request-error.ts';
import type { RuntimeClient, RuntimeEvent } from '../client.ts';
import { CriChannel, type CriChannelOptions } from './channel.ts';
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
 * First versions whose event stream has several readers: before, each event went to only one of them, and a second reader
 * took events from the kubelet (containerd issue 7318, CRI-O pull request 6838).
 */
const sharedEvents: ReadonlyMap<string, readonly [major: number, minor: number]> = new Map([
  ['containerd', [2, 0]],
  ['cri-o', [1, 28]],
]);

/** Lists between two attempts to read a failing image store. */
const listsPerFailure = 10;

export function connectCri(options: CriChannelOptions): RuntimeClient {
  const channel = new CriChannel(options);
  const images = new ImageNames();
  let context: RuntimeContext = { runtime: 'cri', images };
  let listsWithoutImages = 0;

  const ask = <Answer>(method: string, answer: Codec<Answer>, message = empty.encode({})) =>
    channel.request(service + method, { message, answer });

  /** An image store may be slow, or another service: names do not wait for it again and again. */
  const updateImages = async (listed: readonly Container[]): Promise<RequestError | undefined> => {
    if (listsWithoutImages > 0) listsWithoutImages--;
    else if (images.areMissing(listed))
      try {
        const request = { message: empty.encode({}), answer: imageList };
        images.learn((await channel.request(`${imageService}ListImages`, request)).images, listed);
      } catch (error) {
        const failure = requestError(error);
        const isElsewhere = failure.reason === 'unimplemented';
        listsWithoutImages = isElsewhere ? Number.POSITIVE_INFINITY : listsPerFailure;
        if (!isElsewhere) return failure;
      }
    return undefined;
  };

  return {
    async handshake() {
      const { runtimeName, runtimeVersion } = await ask('Version', versionResponse);
      context = { runtime: runtimeName || context.runtime, images };
      return {
        runtime: `${runtimeName} ${runtimeVersion}`,
        hasEvents: canShareEvents(runtimeName, runtimeVersion),
      };
    },

    async list() {
      // The sandboxes last: then no container is without its pod.
      const { containers: listed } = await ask('ListContainers', containers);
      const { items } = await ask('ListPodSandbox', podSandboxes);
      const lacking = await updateImages(listed);
      return { ...listing(items, { containers: listed, known: context }), ...(lacking && { lacking }) };
    },

    async inspect(id) {
      const message = containerStatusRequest.encode({ containerId: id });
      try {
        const { status } = await ask('ContainerStatus', containerStatus, message);
        return status ? containerFacts(status, context) : undefined;
      } catch (error) {
        if (error instanceof RequestError && error.reason === 'not_found') return undefined;
        throw error;
      }
    },

    follow: (emit) =>
      channel.follow(
        `${service}GetContainerEvents`,
        { message: empty.encode({}), answer: containerEvent },
        (event) => emit(eventOf(event, context)),
      ),

    close: () => channel.close(),
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
export function eventOf(event: ContainerEvent, context: RuntimeContext): RuntimeEvent {
  const { containerId: id, type, podSandboxStatus: sandbox, containersStatuses } = event;
  if (type === containerDeleted) return { kind: 'gone', id };
  const of = containersStatuses.filter((container) => container.id === id);
  const pod = sandbox ? podFacts(sandbox) : undefined;
  if (of.length === 0 && sandbox?.id !== id) return { kind: 'changed', id };
  return {
    kind: 'updated',
    pods: pod ? [pod] : [],
    containers: [
      ...(sandbox ? [sandboxFacts(sandbox, context)] : []),
      ...of.map((container) => containerFacts(container, context)),
    ],
  };
}
