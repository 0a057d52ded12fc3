import { setTimeout as sleep } from 'node:timers/promises';
import { Client, credentials } from '@grpc/grpc-js';
import protobuf from 'protobufjs/light.js';

const texts = (id: number) => ({ id, keyType: 'string', type: 'string' });
const fields = (list: Readonly<Record<string, object>>): protobuf.INamespace =>
  ({ fields: list }) as protobuf.IType;

/** Makes pods and containers as a kubelet does: the requests of k8s.io/cri-api, `runtime.v1`, as far as tests need them. */
const root = protobuf.Root.fromJSON({
  nested: {
    PodSandboxMetadata: fields({
      name: { id: 1, type: 'string' },
      uid: { id: 2, type: 'string' },
      namespace: { id: 3, type: 'string' },
      attempt: { id: 4, type: 'uint32' },
    }),
    NamespaceOption: fields({ network: { id: 1, type: 'int32' } }),
    LinuxSandboxSecurityContext: fields({ namespaceOptions: { id: 1, type: 'NamespaceOption' } }),
    LinuxPodSandboxConfig: fields({
      cgroupParent: { id: 1, type: 'string' },
      securityContext: { id: 2, type: 'LinuxSandboxSecurityContext' },
    }),
    PodSandboxConfig: fields({
      metadata: { id: 1, type: 'PodSandboxMetadata' },
      labels: texts(6),
      annotations: texts(7),
      linux: { id: 8, type: 'LinuxPodSandboxConfig' },
    }),
    ContainerMetadata: fields({ name: { id: 1, type: 'string' }, attempt: { id: 2, type: 'uint32' } }),
    ImageSpec: fields({ image: { id: 1, type: 'string' } }),
    ContainerConfig: fields({
      metadata: { id: 1, type: 'ContainerMetadata' },
      image: { id: 2, type: 'ImageSpec' },
      labels: texts(9),
      annotations: texts(10),
    }),
    RunPodSandboxRequest: fields({ config: { id: 1, type: 'PodSandboxConfig' } }),
    CreateContainerRequest: fields({
      podSandboxId: { id: 1, type: 'string' },
      config: { id: 2, type: 'ContainerConfig' },
      sandboxConfig: { id: 3, type: 'PodSandboxConfig' },
    }),
    /** Requests and answers that are an id and nothing else. */
    Id: fields({ id: { id: 1, type: 'string' } }),
  },
});

/** Of the host: no network to set up. */
const networkOfNode = 2;

export interface Pod {
  readonly id: string;
  readonly uid: string;
  /** The new container's id; it does not run yet. */
  create(name: string, restartCount?: number): Promise<string>;
}

export interface CriDriver {
  runPod(name: string): Promise<Pod>;
  start(container: string): Promise<void>;
  removeContainer(container: string): Promise<void>;
  removePod(pod: Pod): Promise<void>;
  close(): void;
}

export function driveCri(
  socketPath: string,
  { image, cgroupParent }: { readonly image: string; readonly cgroupParent: string },
): CriDriver {
  const client = new Client(`unix:${socketPath}`, credentials.createInsecure(), {
    'grpc.max_reconnect_backoff_ms': 200,
  });
  const attempt = (method: string, type: string, message: object) =>
    new Promise<string>((resolve, reject) => {
      const request = root.lookupType(type);
      client.makeUnaryRequest<object, string>(
        `/runtime.v1.RuntimeService/${method}`,
        (value) => Buffer.from(request.encode(request.fromObject(value)).finish()),
        (bytes) => String(root.lookupType('Id').toObject(root.lookupType('Id').decode(bytes)).id),
        message,
        { deadline: Date.now() + 30_000 },
        (error, id) => (error ? reject(error) : resolve(id ?? '')),
      );
    });
  /** A containerd that has just started listens before it can do anything, and knows a new image a little later. */
  const call = async (method: string, type: string, message: object): Promise<string> => {
    for (let attempts = 0; ; attempts++)
      try {
        return await attempt(method, type, message);
      } catch (error) {
        const isStarting = /not initialized|No connection established|failed to pull/.test(
          (error as Error).message,
        );
        if (!isStarting || attempts === 100) throw error;
        await sleep(50);
      }
  };
  return {
    async runPod(name) {
      const uid = crypto.randomUUID();
      const own = {
        'io.kubernetes.pod.name': name,
        'io.kubernetes.pod.namespace': 'earshot-test',
        'io.kubernetes.pod.uid': uid,
      };
      const config = {
        metadata: { name, uid, namespace: 'earshot-test', attempt: 0 },
        labels: { ...own, app: name },
        annotations: { 'example.com/team': 'shop' },
        linux: { cgroupParent, securityContext: { namespaceOptions: { network: networkOfNode } } },
      };
      const id = await call('RunPodSandbox', 'RunPodSandboxRequest', { config });
      return {
        id,
        uid,
        create: (container, restartCount = 0) =>
          call('CreateContainer', 'CreateContainerRequest', {
            podSandboxId: id,
            config: {
              metadata: { name: container, attempt: restartCount },
              image: { image },
              labels: { ...own, 'io.kubernetes.container.name': container },
              annotations: { 'io.kubernetes.container.restartCount': String(restartCount) },
            },
            sandboxConfig: config,
          }),
      };
    },
    async start(id) {
      await call('StartContainer', 'Id', { id });
    },
    async removeContainer(id) {
      await call('RemoveContainer', 'Id', { id });
    },
    async removePod({ id }) {
      await call('StopPodSandbox', 'Id', { id });
      await call('RemovePodSandbox', 'Id', { id });
    },
    close: () => client.close(),
  };
}
