import { createHash } from 'node:crypto';

/**
 * Pods as an API server or a kubelet writes them, made by this code in the shapes that Kubernetes has had since 1.20:
 *
 * - 1.20: dockershim, so ids are `docker://` and pulled images `docker-pullable://`; managed fields in every object
 * - 1.24: containerd or CRI-O; `ephemeralContainers` everywhere
 * - 1.28: init containers with `restartPolicy: Always` (sidecars); `hostIPs`
 * - 1.33: `resources` and `allocatedResources` in each container's status
 * - 1.34: `resources` of the pod as a whole, `volumeMounts` and `user` in the status, `observedGeneration`
 */
export const shapes = ['1.20', '1.24', '1.28', '1.33', '1.34'] as const;
export type Shape = (typeof shapes)[number];

const minor = (shape: Shape) => Number(shape.split('.')[1]);
const hex = (text: string) => createHash('sha256').update(text).digest('hex');

export const uidOf = (i: number) =>
  hex(`pod ${i}`).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');
export const containerIdOf = (i: number, name: string, restarts = 0) =>
  hex(`container ${i} ${name} ${restarts}`);
export const digestOf = (image: string) => `sha256:${hex(image)}`;

export interface MadePod {
  readonly shape?: Shape;
  readonly restarts?: number;
  readonly version?: number;
}

/** One pod of a Deployment, with two containers, an init container and, where there are such, a sidecar. */
export function madePod(i: number, { shape = '1.34', restarts = 0, version = 1000 + i }: MadePod = {}) {
  const scheme = minor(shape) < 24 ? 'docker' : 'containerd';
  const hasSidecar = minor(shape) >= 28;
  const running = { startedAt: '2026-11-20T10:00:05Z' };
  const status = (name: string, image: string, resources: object) => ({
    name,
    state: name === 'setup' ? { terminated: terminated(name, restarts) } : { running },
    lastState: restarts > 0 && name === 'app' ? { terminated: terminated(name, restarts - 1) } : {},
    ready: name !== 'setup',
    restartCount: name === 'app' ? restarts : 0,
    image,
    imageID: `${scheme === 'docker' ? 'docker-pullable://' : ''}${image.replace(/:[^/]*$/, '')}@${digestOf(image)}`,
    containerID: `${scheme}://${containerIdOf(i, name, name === 'app' ? restarts : 0)}`,
    started: name !== 'setup',
    ...(minor(shape) >= 33 && { allocatedResources: { cpu: '250m', memory: '64Mi' }, resources }),
    ...(minor(shape) >= 34 && {
      volumeMounts: [
        { name: 'token', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', readOnly: true },
      ],
      user: { linux: { uid: 0, gid: 0, supplementalGroups: [0] } },
    }),
  });
  const terminated = (name: string, restart: number) => ({
    exitCode: 0,
    reason: 'Completed',
    startedAt: '2026-11-20T10:00:01Z',
    finishedAt: '2026-11-20T10:00:02Z',
    containerID: `${scheme}://${containerIdOf(i, name, restart)}`,
  });
  const appResources = { requests: { cpu: '250m', memory: '64Mi' }, limits: { cpu: '1', memory: '64Mi' } };
  const hash = `7d4b9c${i % 10}f58`;
  return {
    metadata: {
      name: `web-${i}-${hash}-x2x4z`,
      generateName: `web-${i}-${hash}-`,
      namespace: `team-${i % 7}`,
      uid: uidOf(i),
      resourceVersion: String(version),
      creationTimestamp: '2026-11-20T10:00:00Z',
      labels: { app: `web-${i}`, 'pod-template-hash': hash },
      annotations: {
        'prometheus.io/scrape': 'true',
        'kubectl.kubernetes.io/last-applied-configuration': `{"spec":"${'x'.repeat(3000)}"}`,
      },
      ownerReferences: [
        {
          apiVersion: 'apps/v1',
          kind: 'ReplicaSet',
          name: `web-${i}-${hash}`,
          uid: uidOf(100_000 + i),
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
      managedFields: [
        {
          manager: 'kubelet',
          operation: 'Update',
          apiVersion: 'v1',
          fieldsType: 'FieldsV1',
          fieldsV1: { 'f:status': { 'f:"quoted"': {} } },
        },
      ],
    },
    spec: {
      volumes: [{ name: 'token', projected: { sources: [], defaultMode: 420 } }],
      initContainers: [
        { name: 'setup', image: 'registry.example:5000/team/setup:1', resources: {} },
        ...(hasSidecar
          ? [
              {
                name: 'mesh',
                image: 'registry.example/mesh:2',
                restartPolicy: 'Always',
                resources: { requests: { cpu: '100m' } },
              },
            ]
          : []),
      ],
      containers: [
        { name: 'app', image: `registry.example/team/web-${i}:1.${i}`, resources: appResources },
        { name: 'log', image: 'registry.example/log', resources: {} },
      ],
      ...(minor(shape) >= 34 && { resources: { limits: { cpu: '1500m' } } }),
      restartPolicy: 'Always',
      nodeName: 'node1',
    },
    status: {
      ...(minor(shape) >= 34 && { observedGeneration: 1 }),
      phase: 'Running',
      conditions: [{ type: 'Ready', status: 'True', message: 'braces } ] and "quotes" \\ in a text' }],
      hostIP: '10.0.0.1',
      ...(minor(shape) >= 28 && { hostIPs: [{ ip: '10.0.0.1' }] }),
      startTime: '2026-11-20T10:00:00Z',
      initContainerStatuses: [
        status('setup', 'registry.example:5000/team/setup:1', {}),
        ...(hasSidecar ? [status('mesh', 'registry.example/mesh:2', { requests: { cpu: '100m' } })] : []),
      ],
      containerStatuses: [
        status('app', `registry.example/team/web-${i}:1.${i}`, appResources),
        status('log', 'registry.example/log:latest', {}),
      ],
      qosClass: 'Burstable',
    },
  };
}

export const madePods = (count: number, options: MadePod = {}) =>
  Array.from({ length: count }, (_, i) => madePod(i, options));

export function podList(pods: readonly unknown[], { version = '5000', next = '' } = {}) {
  return {
    kind: 'PodList',
    apiVersion: 'v1',
    metadata: { resourceVersion: version, ...(next !== '' && { continue: next, remainingItemCount: 1 }) },
    items: pods,
  };
}
