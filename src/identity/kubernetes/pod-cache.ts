import { isDeepStrictEqual } from 'node:util';
import type { PodFacts } from '../facts.ts';
import type { Facts } from '../source.ts';
import type { PodAnswer } from './pod-facts.ts';

interface Said {
  /** As it came, its owners not completed. */
  readonly pod: PodFacts;
  readonly owners: PodFacts['owners'];
  readonly containerIds: readonly string[];
}

/** What a source that follows changes has said: so that it can say what is gone, and say again what it knows better now. */
export class SaidPods {
  readonly #facts: Facts;
  readonly #complete: (pod: PodFacts) => PodFacts;
  #pods = new Map<string, Said>();
  #listed: Map<string, Said> | undefined;

  constructor(facts: Facts, complete: (pod: PodFacts) => PodFacts) {
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

  say({ pod, containers }: PodAnswer): void {
    const pods = this.#listed ?? this.#pods;
    const containerIds = containers.map(({ id }) => id);
    const before = pods.get(pod.uid)?.containerIds ?? [];
    const complete = this.#complete(pod);
    pods.set(pod.uid, { pod, owners: complete.owners, containerIds });
    this.#facts.pod(complete);
    for (const container of containers) this.#facts.container(container);
    for (const id of before) if (!containerIds.includes(id)) this.#facts.containerGone(id);
  }

  gone({ pod, containers }: PodAnswer): void {
    const before = this.#pods.get(pod.uid)?.containerIds ?? [];
    this.#pods.delete(pod.uid);
    for (const id of new Set([...before, ...containers.map(({ id }) => id)])) this.#facts.containerGone(id);
    this.#facts.podGone(pod.uid);
  }

  /** Their owners may be known by now. */
  sayAgain(): void {
    for (const said of this.#pods.values()) {
      const complete = this.#complete(said.pod);
      if (isDeepStrictEqual(complete.owners, said.owners)) continue;
      this.#pods.set(complete.uid, { ...said, owners: complete.owners });
      this.#facts.pod(complete);
    }
  }
}
