import { readFileSync } from 'node:fs';
import { get } from 'node:https';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { addresses } from './namespaces.ts';

/** A container as the API server has it, and as the agent has to report it. */
export interface RealContainer {
  readonly id: string;
  readonly namespace: string;
  readonly pod: string;
  /** As the API server has it. */
  readonly podUid: string;
  /** As it stands in cgroup paths: of a static pod a hash. */
  readonly cgroupUid: string;
  readonly name: string;
  /** The nearest owner, such as a ReplicaSet. */
  readonly owner: { readonly kind: string; readonly name: string } | undefined;
  readonly qos: string;
  /** In CPUs. */
  readonly cpuRequest: number | undefined;
  /** Its pod's where it has none of its own: the kubelet gives it that quota. */
  readonly cpuLimit: number | undefined;
  readonly restartCount: number;
}

interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'ERROR';
  readonly object: Pod;
}
/** The parts of a pod that are looked at. */
interface Pod {
  readonly metadata: {
    readonly namespace: string;
    readonly name: string;
    readonly uid: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly { readonly kind: string; readonly name: string }[];
  };
  readonly spec: {
    readonly resources?: Resources;
    readonly containers: readonly Container[];
    readonly initContainers?: readonly Container[];
  };
  readonly status: {
    readonly qosClass?: string;
    readonly containerStatuses?: readonly Status[];
    readonly initContainerStatuses?: readonly Status[];
  };
}
interface Container {
  readonly name: string;
  readonly resources?: Resources;
}
interface Resources {
  readonly requests?: Readonly<Record<string, string>>;
  readonly limits?: Readonly<Record<string, string>>;
}
interface Status {
  readonly name: string;
  readonly containerID?: string;
  readonly restartCount: number;
  readonly state?: { readonly running?: object; readonly terminated?: object };
}

/** Remembers every container there ever was on the node, also of pods that live shorter than a list takes. */
export class PodWatch {
  readonly containers = new Map<string, RealContainer>();
  /** Of all containers, by id: whether they have run, run or have ended. */
  readonly states = new Map<string, 'running' | 'terminated'>();
  readonly #abort = new AbortController();
  readonly #ended: Promise<void>;

  constructor(state: string) {
    this.#ended = this.#follow(state);
  }

  async close(): Promise<void> {
    this.#abort.abort();
    await this.#ended;
  }

  find(namespace: string, pod: RegExp, name: string): readonly RealContainer[] {
    return [...this.containers.values()].filter(
      (container) => container.namespace === namespace && container.name === name && pod.test(container.pod),
    );
  }

  /** Once more from the beginning whenever the server ends it, as it does when it is restarted. */
  async #follow(state: string): Promise<void> {
    const pki = (name: string) => readFileSync(join(state, 'pki', name));
    const credentials = { ca: pki('authority.crt'), cert: pki('admin.crt'), key: pki('admin.key') };
    const { signal } = this.#abort;
    while (!signal.aborted) {
      try {
        await new Promise<void>((resolve, reject) => {
          const url = `https://${addresses.node}/api/v1/pods?watch=true`;
          get(url, { ...credentials, signal, agent: false }, (response) => {
            response.on('error', reject);
            createInterface({ input: response })
              .on('line', (line) => this.#take(JSON.parse(line)))
              .on('error', reject)
              .on('close', resolve);
          }).on('error', reject);
        });
      } catch {
        // down at the moment, or closed here
      }
      await sleep(200);
    }
  }

  #take({ type, object }: WatchEvent): void {
    if (type === 'ERROR') return; // and the server ends the watch
    const { metadata, spec, status } = object;
    const specs = [...spec.containers, ...(spec.initContainers ?? [])];
    const statuses = [...(status.containerStatuses ?? []), ...(status.initContainerStatuses ?? [])];
    for (const { name, containerID, restartCount, state } of statuses) {
      const id = containerID?.replace(/^.*:\/\//, '');
      if (!id) continue;
      const own = specs.find((one) => one.name === name)?.resources;
      const limits = own?.limits ?? spec.resources?.limits;
      const [owner] = metadata.ownerReferences ?? [];
      this.states.set(id, state?.terminated ? 'terminated' : 'running');
      this.containers.set(id, {
        id,
        namespace: metadata.namespace,
        pod: metadata.name,
        podUid: metadata.uid,
        cgroupUid: metadata.annotations?.['kubernetes.io/config.hash'] ?? metadata.uid,
        name,
        owner: owner && { kind: owner.kind, name: owner.name },
        qos: (status.qosClass ?? '').toLowerCase(),
        cpuRequest: cpus(own?.requests?.cpu),
        cpuLimit: cpus(limits?.cpu),
        restartCount,
      });
    }
  }
}

function cpus(quantity: string | undefined): number | undefined {
  if (quantity === undefined) return undefined;
  return quantity.endsWith('m') ? Number(quantity.slice(0, -1)) / 1000 : Number(quantity);
}
