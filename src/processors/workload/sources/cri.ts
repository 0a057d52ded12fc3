import { type Static, Type } from 'typebox';
import { duration } from '../../../config/duration.ts';
import { bytes } from '../../../telemetry/units.ts';
import type { Source, SourceContext } from '../source.ts';
import { connectCri } from './cri-client.ts';
import type { RuntimePlace } from './runtime-place.ts';
import { RuntimeSource } from './runtime-source.ts';
import { endpointPath, findSocket } from './sockets.ts';

export const criConfig = Type.Object(
  {
    endpoint: Type.Optional(
      Type.String({
        pattern: '^(unix:(//)?)?/.+$',
        description:
          'Its socket on the host, such as `unix:///run/containerd/containerd.sock`; absent: looked for.',
      }),
    ),
    timeout: duration({ default: '2s', minimum: '10ms', description: 'Time for each answer.' }),
    resync: duration({
      default: '30s',
      minimum: '1s',
      description:
        'Everything is listed anew after so long; ten times as long while the runtime reports events.',
    }),
  },
  { additionalProperties: false, default: {} },
);

/** In the order in which they are tried. */
const criSockets = [
  '/run/containerd/containerd.sock',
  '/run/crio/crio.sock',
  '/run/k3s/containerd/containerd.sock',
  '/run/k0s/containerd.sock',
  '/run/cri-dockerd.sock',
  '/var/snap/microk8s/common/run/containerd.sock',
] as const;

/** What a kubelet accepts at most; 500 pods with long annotations are about 2 MiB. */
const maxMessage = bytes(16 * 2 ** 20);

/** Containers and pods as the container runtime of a Kubernetes node has them. */
export function openCri(
  { endpoint, timeout, resync }: Static<typeof criConfig>,
  context: SourceContext,
  { rootPath, candidates = criSockets }: RuntimePlace,
): Source {
  const path = endpoint === undefined ? undefined : endpointPath(endpoint);
  return new RuntimeSource(
    {
      name: 'cri',
      resync,
      find: (isUnfit) => findSocket(path ? [path] : candidates, { rootPath, isUnfit }),
      connect: (path) => connectCri({ path, timeout, maxMessage }),
    },
    context,
  );
}
