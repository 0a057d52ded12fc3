import { bytes } from '../../../telemetry/units.ts';
import type { Source, SourceContext } from '../../source.ts';
import { type RuntimeConfig, socketFinder } from '../config.ts';
import type { RuntimePlace } from '../place.ts';
import { RuntimeSource } from '../source.ts';
import { connectCri } from './client.ts';

/** In the order in which they are tried. */
const usual = [
  '/run/containerd/containerd.sock',
  '/run/crio/crio.sock',
  '/run/k3s/containerd/containerd.sock',
  '/run/k0s/containerd.sock',
  '/run/cri-dockerd.sock',
  '/var/snap/microk8s/common/run/containerd.sock',
] as const;

/** A kubelet's own limit; 500 pods with long annotations are about 2 MiB. */
const maxMessage = bytes(16 * 2 ** 20);

/** Containers and pods of a Kubernetes node, from its container runtime. */
export function openCri(config: RuntimeConfig, context: SourceContext, place: RuntimePlace): Source {
  const { timeout, resync } = config;
  return new RuntimeSource(
    {
      name: 'cri',
      resync,
      find: socketFinder(config, { place, usual }),
      connect: (path) => connectCri({ path, timeout, maxMessage }),
    },
    context,
  );
}
