import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Pod, Resources } from './node-cgroups.ts';

const tls = (name: string) => fileURLToPath(new URL(`../../unit/fixtures/tls/${name}`, import.meta.url));
export const certificate = tls('cert.pem');

export interface StandInKubelet {
  readonly endpoint: string;
  close(): void;
}

/**
 * Not a kubelet, but a server of this test that answers `/pods` as one does: no other
 * source has names for the cgroups this test has made.
 */
export async function startStandInKubelet(pods: readonly Pod[]): Promise<StandInKubelet> {
  const server: Server = createServer(
    { cert: readFileSync(certificate), key: readFileSync(tls('key.pem')) },
    ({ url }, response) => {
      response.writeHead(url === '/pods' ? 200 : 404, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({ kind: 'PodList', apiVersion: 'v1', metadata: {}, items: pods.map(podOf) }),
      );
    },
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

const classes = { guaranteed: 'Guaranteed', burstable: 'Burstable', besteffort: 'BestEffort' } as const;
const schemes = { 'cri-containerd': 'containerd', crio: 'cri-o' } as const;

function podOf({ namespace, name, uid, qos, owner, containers }: Pod) {
  const template = owner?.kind === 'ReplicaSet' ? owner.name.split('-').at(-1) : undefined;
  return {
    metadata: {
      ...{ namespace, name, uid },
      ...(template && { labels: { 'pod-template-hash': template } }),
      ...(owner && { ownerReferences: [{ ...owner, uid: '', controller: true }] }),
    },
    spec: {
      nodeName: 'node1',
      containers: containers.map((of) => ({ name: of.name, resources: resourcesOf(of) })),
    },
    status: {
      qosClass: classes[qos],
      containerStatuses: containers.map((of) => ({
        name: of.name,
        containerID: `${schemes[of.runtime]}://${of.id}`,
        restartCount: 0,
      })),
    },
  };
}

function resourcesOf({ request, limit }: Resources) {
  return {
    ...(request && { requests: { cpu: `${request}m` } }),
    ...(limit && { limits: { cpu: `${limit}m` } }),
  };
}
