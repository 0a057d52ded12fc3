import protobuf from 'protobufjs/light.js';

/**
 * The part of the Container Runtime Interface that is read (k8s.io/cri-api, `runtime.v1`): names and numbers are its own,
 * fields not listed are skipped. Enumerations are declared as the numbers they are on the wire.
 */
const root = protobuf.Root.fromJSON({
  nested: {
    Empty: { fields: {} },
    VersionResponse: fields({ runtimeName: [2, 'string'], runtimeVersion: [3, 'string'] }),
    PodSandboxMetadata: fields({
      name: [1, 'string'],
      uid: [2, 'string'],
      namespace: [3, 'string'],
      attempt: [4, 'uint32'],
    }),
    PodSandbox: fields({
      id: [1, 'string'],
      metadata: [2, 'PodSandboxMetadata'],
      state: [3, 'int32'],
      labels: [5, 'map'],
      annotations: [6, 'map'],
    }),
    ListPodSandboxResponse: fields({ items: [1, 'PodSandbox', 'repeated'] }),
    ContainerMetadata: fields({ name: [1, 'string'], attempt: [2, 'uint32'] }),
    ImageSpec: fields({ image: [1, 'string'], userSpecifiedImage: [18, 'string'] }),
    Container: fields({
      id: [1, 'string'],
      podSandboxId: [2, 'string'],
      metadata: [3, 'ContainerMetadata'],
      image: [4, 'ImageSpec'],
      imageRef: [5, 'string'],
      state: [6, 'int32'],
      labels: [8, 'map'],
      annotations: [9, 'map'],
    }),
    ListContainersResponse: fields({ containers: [1, 'Container', 'repeated'] }),
    Image: fields({
      id: [1, 'string'],
      repoTags: [2, 'string', 'repeated'],
      repoDigests: [3, 'string', 'repeated'],
    }),
    ListImagesResponse: fields({ images: [1, 'Image', 'repeated'] }),
    ContainerStatusRequest: fields({ containerId: [1, 'string'] }),
    ContainerStatus: fields({
      id: [1, 'string'],
      metadata: [2, 'ContainerMetadata'],
      state: [3, 'int32'],
      image: [8, 'ImageSpec'],
      imageRef: [9, 'string'],
      labels: [12, 'map'],
      annotations: [13, 'map'],
    }),
    ContainerStatusResponse: fields({ status: [1, 'ContainerStatus'] }),
    PodSandboxStatus: fields({
      id: [1, 'string'],
      metadata: [2, 'PodSandboxMetadata'],
      state: [3, 'int32'],
      labels: [7, 'map'],
      annotations: [8, 'map'],
    }),
    ContainerEventResponse: fields({
      containerId: [1, 'string'],
      type: [2, 'int32'],
      podSandboxStatus: [4, 'PodSandboxStatus'],
      containersStatuses: [5, 'ContainerStatus', 'repeated'],
    }),
  },
});

type Field = readonly [id: number, type: string, rule?: 'repeated'];

function fields(list: Readonly<Record<string, Field>>) {
  const entries = Object.entries(list).map(([name, [id, type, rule]]) => [
    name,
    type === 'map' ? { id, keyType: 'string', type: 'string' } : { id, type, ...(rule && { rule }) },
  ]);
  return { fields: Object.fromEntries(entries) };
}

type Texts = Readonly<Record<string, string>>;

export interface VersionResponse {
  readonly runtimeName: string;
  readonly runtimeVersion: string;
}

interface Metadata {
  readonly name: string;
  readonly attempt: number;
}

export interface PodSandbox {
  readonly id: string;
  readonly metadata: (Metadata & { readonly uid: string; readonly namespace: string }) | null;
  readonly state: number;
  readonly labels: Texts;
  readonly annotations: Texts;
}

/** Of a list or of a status: the fields read are the same. */
export interface Container {
  readonly id: string;
  readonly metadata: Metadata | null;
  readonly image: { readonly image: string; readonly userSpecifiedImage: string } | null;
  readonly imageRef: string;
  readonly state: number;
  readonly labels: Texts;
  readonly annotations: Texts;
}

export interface Image {
  readonly id: string;
  readonly repoTags: readonly string[];
  readonly repoDigests: readonly string[];
}

export interface ContainerEvent {
  readonly containerId: string;
  readonly type: number;
  readonly podSandboxStatus: PodSandbox | null;
  readonly containersStatuses: readonly Container[];
}

export const sandboxReady = 0;
export const containerExited = 2;
export const containerDeleted = 3;

export interface Codec<Message> {
  encode(message: object): Buffer;
  /** Throws where the bytes are no such message. */
  decode(bytes: Uint8Array): Message;
}

function codec<Message>(name: string): Codec<Message> {
  const type = root.lookupType(name);
  return {
    encode: (message) => Buffer.from(type.encode(type.fromObject(message)).finish()),
    // Absent fields have their defaults through the prototype: a list of thousands is not copied.
    decode: (bytes) => type.decode(bytes) as unknown as Message,
  };
}

export const empty = codec<object>('Empty');
export const versionResponse = codec<VersionResponse>('VersionResponse');
export const podSandboxes = codec<{ readonly items: readonly PodSandbox[] }>('ListPodSandboxResponse');
export const containers = codec<{ readonly containers: readonly Container[] }>('ListContainersResponse');
export const images = codec<{ readonly images: readonly Image[] }>('ListImagesResponse');
export const containerStatusRequest = codec<{ readonly containerId: string }>('ContainerStatusRequest');
export const containerStatus = codec<{ readonly status: Container | null }>('ContainerStatusResponse');
export const containerEvent = codec<ContainerEvent>('ContainerEventResponse');
