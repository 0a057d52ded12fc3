import type { ContainerFacts, PodFacts } from '../facts.ts';
import type { FactSink } from '../source.ts';
import type { Listing } from './client.ts';

/**
 * Merges lists, events and inspections so that the newest wins: a list is as old as the moment it was requested, and must
 * not undo events since.
 */
export class RuntimeFacts {
  readonly #facts: FactSink;
  #pods = new Set<string>();
  #containers = new Set<string>();
  /** Results of `inspect`, which lists lack. */
  readonly #details = new Map<string, ContainerFacts | undefined>();
  /** Had ended at the list before: their last update was then. */
  #ended = new Set<string>();
  /** Updates since the running list was requested; undefined: the container is gone. */
  #podsSince = new Map<string, PodFacts>();
  #containersSince = new Map<string, ContainerFacts | undefined>();
  #isListing = false;
  #hasListed = false;

  constructor(facts: FactSink) {
    this.#facts = facts;
  }

  /** `container <id>` or `pod <uid>`. */
  has(key: string): boolean {
    const [kind, id = ''] = key.split(' ');
    return (kind === 'pod' ? this.#pods : this.#containers).has(id);
  }

  /** A failed list is followed by another start. */
  startList(): void {
    this.#isListing = true;
    this.#podsSince = new Map();
    this.#containersSince = new Map();
  }

  /** Returns the containers that an inspection would complete. */
  finishList({ pods, containers }: Listing): readonly string[] {
    this.#isListing = false;
    const since = this.#containersSince;
    const ended = new Set<string>();
    const isFirst = !this.#hasListed;
    this.#hasListed = true;
    this.#pods = new Set();
    this.#containers = new Set();
    this.#facts.beginList();
    for (const pod of pods) if (!this.#podsSince.has(pod.uid)) this.#upsertPod(pod);
    for (const pod of this.#podsSince.values()) this.#upsertPod(pod);
    for (const { facts, hasEnded } of containers) {
      if (hasEnded) ended.add(facts.id);
      if (since.has(facts.id) || (hasEnded && this.#ended.has(facts.id))) continue;
      this.#upsertContainer({ ...this.#details.get(facts.id), ...facts });
    }
    for (const facts of since.values()) if (facts) this.#upsertContainer(facts);
    this.#facts.endList();
    this.#ended = ended;
    for (const id of this.#details.keys()) if (!this.#containers.has(id)) this.#details.delete(id);
    return containers
      .filter(({ facts: { id }, isComplete, hasEnded }) => {
        // Containers that ended before the first list can be many, and only their names are of use.
        const isPast = hasEnded && isFirst;
        return !isComplete && !isPast && this.#containers.has(id) && !this.#details.has(id);
      })
      .map(({ facts }) => facts.id);
  }

  update({
    pods,
    containers,
  }: {
    readonly pods: readonly PodFacts[];
    readonly containers: readonly ContainerFacts[];
  }): void {
    for (const pod of pods) {
      if (this.#isListing) this.#podsSince.set(pod.uid, pod);
      this.#upsertPod(pod);
    }
    for (const container of containers) this.addInspected(container.id, container);
  }

  /** `facts`: undefined if the runtime has no container of this id. */
  addInspected(id: string, facts: ContainerFacts | undefined): void {
    this.#details.set(id, facts);
    if (!facts) return;
    if (this.#isListing) this.#containersSince.set(id, facts);
    this.#upsertContainer(facts);
  }

  markGone(id: string): void {
    if (this.#isListing) this.#containersSince.set(id, undefined);
    this.#details.delete(id);
    this.#containers.delete(id);
    this.#facts.markContainerGone(id);
  }

  #upsertPod(pod: PodFacts): void {
    this.#pods.add(pod.uid);
    this.#facts.upsertPod(pod);
  }

  #upsertContainer(container: ContainerFacts): void {
    this.#containers.add(container.id);
    this.#facts.upsertContainer(container);
  }
}
