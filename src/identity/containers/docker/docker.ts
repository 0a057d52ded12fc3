import type { Source, SourceContext } from '../../source.ts';
import { type RuntimeConfig, socketFinder } from '../config.ts';
import type { RuntimePlace } from '../place.ts';
import { RuntimeSource } from '../source.ts';
import { connectDocker } from './client.ts';

/** Of Podman the system's service, else that of the first user with a running one. */
const usual = {
  docker: ['/run/docker.sock'],
  podman: ['/run/podman/podman.sock', '/run/user/*/podman/podman.sock'],
} as const;

export function openDocker(config: RuntimeConfig, context: SourceContext, place: RuntimePlace): Source {
  return open('docker', config, { context, place });
}

/** Podman speaks Docker's API too. */
export function openPodman(config: RuntimeConfig, context: SourceContext, place: RuntimePlace): Source {
  return open('podman', config, { context, place });
}

function open(
  name: 'docker' | 'podman',
  config: RuntimeConfig,
  { context, place }: { readonly context: SourceContext; readonly place: RuntimePlace },
): Source {
  const { endpoint, timeout, resync } = config;
  return new RuntimeSource(
    {
      name,
      resync,
      find: socketFinder(config, { place, usual: usual[name] }),
      connect: (socketPath) =>
        connectDocker({ socketPath, timeout, ...(endpoint === undefined && { expected: name }) }),
    },
    context,
  );
}
