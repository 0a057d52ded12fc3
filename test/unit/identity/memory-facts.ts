import type { ContainerFacts, PodFacts } from '../../../src/identity/facts.ts';
import type { FactSink } from '../../../src/identity/source.ts';

export interface MemoryFacts extends FactSink {
  readonly pods: ReadonlyMap<string, PodFacts>;
  readonly containers: ReadonlyMap<string, ContainerFacts>;
  /** In the order in which they went. */
  readonly gone: readonly string[];
  /** Lists that were complete. */
  readonly lists: number;
}

/** The current facts of a source by the contract of `FactSink`, without removed entries. */
export function memoryFacts(): MemoryFacts {
  const pods = new Map<string, PodFacts>();
  const containers = new Map<string, ContainerFacts>();
  const gone: string[] = [];
  let lists = 0;
  let upsertedSince: Set<string> | undefined;
  const forget = (from: Map<string, unknown>, id: string) => {
    if (from.delete(id)) gone.push(id);
  };
  return {
    pods,
    containers,
    gone,
    get lists() {
      return lists;
    },
    upsertPod(pod) {
      pods.set(pod.uid, pod);
      upsertedSince?.add(`pod ${pod.uid}`);
    },
    upsertContainer(container) {
      containers.set(container.id, container);
      upsertedSince?.add(`container ${container.id}`);
    },
    markPodGone: (uid) => forget(pods, uid),
    markContainerGone: (id) => forget(containers, id),
    beginList() {
      upsertedSince = new Set(); // one that failed has no end
    },
    endList() {
      const upserted = upsertedSince;
      if (!upserted) throw new Error('a list ends that did not begin');
      upsertedSince = undefined;
      lists++;
      for (const uid of [...pods.keys()]) if (!upserted.has(`pod ${uid}`)) forget(pods, uid);
      for (const id of [...containers.keys()]) if (!upserted.has(`container ${id}`)) forget(containers, id);
    },
  };
}
