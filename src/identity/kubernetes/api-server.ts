import { parseEndpoint } from './access-config.ts';
import type { Credentials, Environment } from './credentials.ts';
import { KubeError } from './kube-error.ts';

/** Where the API server is: configured, or in the kubeconfig file, or in the environment every pod has. */
export function apiServer(
  config: { readonly endpoint?: string; readonly auth_type: string },
  environment: Environment,
): (credentials: Credentials) => URL {
  return (credentials) => {
    const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = environment;
    const inCluster = host && `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
    const address = config.endpoint ?? credentials.server ?? inCluster;
    if (!address)
      throw new KubeError(
        'absent',
        'not in a pod of a cluster: $KUBERNETES_SERVICE_HOST is not set, nor is endpoint',
      );
    const server = parseEndpoint(address);
    if (server === undefined)
      throw new KubeError(
        'credentials',
        'cannot use the address of the API server: it is no host:port and no URL',
      );
    return server;
  };
}
