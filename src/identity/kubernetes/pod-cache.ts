import { isDeepStrictEqual } from 'node:util';
import type { PodFacts } from '../facts.ts';
import type { FactSink } from '../source.ts';
import type { PodAnswer } from './pod-facts.ts';

interface CachedPod {
  /** As the API had it, its owners not completed. */
  readonly pod: PodFacts;
  readonly owners: PodFacts['owners'];
  readonly containerIds: readonly string[];
}

/** Pods of a source that follows changes: marks missing containers gone, and updates pods whose owners are found later. */
export class PodCache {
  readonly #facts: FactSink;
  readonly #complete: (pod: PodFacts) => PodFacts;
  #pods = new Map<string, CachedPod>();
  #listed: Map<string, CachedPod> | undefined;

  constructor(facts: FactSink, complete: (pod: PodFacts) => PodFacts) {
    this.#facts = facts;
    this.#complete = complete;
  }

  beginList(): void {
    this.#listed = new Map();
    this.#facts.beginList();
  }

  endList(): void {
    if (this.#listed) this.#pods = this.#listed;
    this.#listed = undefined;
    this.#facts.endList();
  }

  upsert({ pod, containers }: PodAnswer): void {
    const pods = this.#listed ?? this.#pods;
    const containerIds = containers.map(({ id }) => id);
    const before = pods.get(pod.uid)?.containerIds ?? [];
    const complete = this.#complete(pod);
    pods.set(pod.uid, { pod, owners: complete.owners, containerIds });
    this.#facts.upsertPod(complete);
    for (const container of containers) this.#facts.upsertContainer(container);
    for (const id of before) if (!containerIds.includes(id)) this.#facts.markContainerGone(id);
  }

  markGone({ pod, containers }: PodAnswer): void {
    const before = this.#pods.get(pod.uid)?.containerIds ?? [];
    this.#pods.delete(pod.uid);
    for (const id of new Set([...before, ...containers.map(({ id }) => id)]))
      this.#facts.markContainerGone(id);
    this.#facts.markPodGone(pod.uid);
  }

  /** Completes all pods again: their owners may be known by now. */
  refreshOwners(): void {
    for (const cached of this.#pods.values()) {
      const complete = this.#complete(cached.pod);
      if (isDeepStrictEqual(complete.owners, cached.owners)) continue;
      this.#pods.set(complete.uid, { ...cached, owners: complete.owners });
      this.#facts.upsertPod(complete);
    }
  }
}
