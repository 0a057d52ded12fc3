import type { Counters } from '../telemetry/counters.ts';
import { identityCounters } from './emits.ts';
import { type Eviction, FactStore, type FactStoreOptions } from './fact-store.ts';
import type { ContainerFacts, PodFacts } from './facts.ts';
import type { FactSink, SourceName } from './source.ts';

export interface IdentityStoreOptions extends FactStoreOptions {
  readonly counters: Counters;
  /** The component that uses it, for the counters. */
  readonly component: string;
  /** Which annotations of pods are kept. */
  keepAnnotation(key: string): boolean;
}

/** Pods and containers as all sources together know them. */
export class IdentityStore {
  readonly #pods: FactStore<PodFacts>;
  readonly #containers: FactStore<ContainerFacts>;
  /** From a static pod's uid in the API to the hash in its cgroup's path. */
  readonly #hashes = new Map<string, string>();
  readonly #containersOf = new Map<string, Set<string>>();
  readonly #options: IdentityStoreOptions;
  #revision = 0;

  constructor(options: IdentityStoreOptions) {
    this.#options = options;
    this.#pods = new FactStore(options, (key, _, reason) => {
      this.#onEviction('pods', reason);
      this.#containersOf.delete(key);
      for (const [uid, hash] of this.#hashes) if (hash === key) this.#evictStatic(uid);
    });
    this.#containers = new FactStore(options, (id, { podUid }, reason) => {
      this.#onEviction('containers', reason);
      if (podUid !== undefined) this.#removeFromPod(podUid, id);
    });
  }

  /** Differs after each change: until then every lookup has the same result. */
  get revision(): number {
    return this.#revision;
  }

  /** The same object until its next update. */
  container(id: string): ContainerFacts | undefined {
    return this.#containers.get(id);
  }

  /** By uid, or by the hash in a static pod's path. The same object until its next update. */
  pod(uid: string): PodFacts | undefined {
    return this.#pods.get(this.#keyOf(uid));
  }

  isPodKnownTo(source: SourceName, uid: string): boolean {
    return this.#pods.isKnownTo(source, this.#keyOf(uid));
  }

  /** Known regular containers of the pod; restarts of one count once. */
  containersIn(podUid: string): number {
    const names = new Set<string>();
    for (const id of this.#containersOf.get(podUid) ?? []) {
      const { name, role = 'container' } = this.container(id) ?? {};
      if (name !== undefined && role === 'container') names.add(name);
    }
    return names.size;
  }

  sinkOf(source: SourceName): FactSink {
    let list = 0;
    return {
      upsertPod: (pod) => this.#upsertPod(source, pod, list),
      upsertContainer: (container) => this.#upsertContainer(source, container, list),
      markPodGone: (uid) => this.#pods.markGone(source, this.#keyOf(uid)),
      markContainerGone: (id) => this.#containers.markGone(source, id),
      beginList() {
        list += 1;
      },
      endList: () => {
        this.#pods.endList(source, list);
        this.#containers.endList(source, list);
      },
    };
  }

  /** Evicts entries gone for longer than `keepRemoved`. */
  sweep(): void {
    this.#pods.sweep();
    this.#containers.sweep();
  }

  #keyOf(podUid: string): string {
    return this.#hashes.get(podUid) ?? podUid;
  }

  #upsertPod(source: SourceName, facts: PodFacts, list: number): void {
    const { uid, configHash = uid } = facts;
    if (configHash !== uid) this.#hashes.set(uid, configHash);
    this.#revision += 1;
    this.#pods.upsert(source, configHash, { facts: this.#withKeptAnnotations(facts), list });
  }

  #onEviction(kind: 'pods' | 'containers', reason: Eviction): void {
    const { counters, component } = this.#options;
    this.#revision += 1;
    if (reason === 'limit') counters.add(identityCounters.namesDropped, 1, { component, reason: kind });
  }

  /** Some sources name a static pod by its uid, others by its hash: the entries of both go. */
  #evictStatic(uid: string): void {
    this.#hashes.delete(uid);
    this.#containersOf.delete(uid);
  }

  #withKeptAnnotations(pod: PodFacts): PodFacts {
    if (!pod.annotations) return pod;
    const kept = Object.entries(pod.annotations).filter(([key]) => this.#options.keepAnnotation(key));
    return { ...pod, annotations: Object.fromEntries(kept) };
  }

  #upsertContainer(source: SourceName, facts: ContainerFacts, list: number): void {
    const { id, podUid } = facts;
    this.#revision += 1;
    this.#containers.upsert(source, id, { facts, list });
    if (podUid === undefined) return;
    const ids = this.#containersOf.get(podUid) ?? new Set();
    this.#containersOf.set(podUid, ids.add(id));
  }

  #removeFromPod(podUid: string, id: string): void {
    const ids = this.#containersOf.get(podUid);
    ids?.delete(id);
    if (ids?.size === 0) this.#containersOf.delete(podUid);
  }
}
