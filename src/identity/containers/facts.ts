import type { ContainerFacts, PodFacts } from '../facts.ts';
import type { Facts } from '../source.ts';
import type { Listing } from './client.ts';

/**
 * Puts together what lists, events and single looks say, so that the newest wins: a list is as old as the moment it was
 * asked for, and must not take back what was told since.
 */
export class RuntimeFacts {
  readonly #facts: Facts;
  #pods = new Set<string>();
  #containers = new Set<string>();
  /** What `look` found, which a list does not say. */
  readonly #details = new Map<string, ContainerFacts | undefined>();
  /** Ended at the list before: said then for the last time. */
  #ended = new Set<string>();
  /** Since the list under way was asked for; of a container that went: undefined. */
  #podsSince = new Map<string, PodFacts>();
  #containersSince = new Map<string, ContainerFacts | undefined>();
  #isListing = false;
  #hasListed = false;

  constructor(facts: Facts) {
    this.#facts = facts;
  }

  /** `container <id>` or `pod <uid>`. */
  knows(what: string): boolean {
    const [kind, id = ''] = what.split(' ');
    return (kind === 'pod' ? this.#pods : this.#containers).has(id);
  }

  /** A list that failed is followed by another. */
  startList(): void {
    this.#isListing = true;
    this.#podsSince = new Map();
    this.#containersSince = new Map();
  }

  /** The containers a look could tell more of. */
  finishList({ pods, containers }: Listing): readonly string[] {
    this.#isListing = false;
    const since = this.#containersSince;
    const ended = new Set<string>();
    const isFirst = !this.#hasListed;
    this.#hasListed = true;
    this.#pods = new Set();
    this.#containers = new Set();
    this.#facts.beginList();
    for (const pod of pods) if (!this.#podsSince.has(pod.uid)) this.#sayPod(pod);
    for (const pod of this.#podsSince.values()) this.#sayPod(pod);
    for (const { facts, hasEnded } of containers) {
      if (hasEnded) ended.add(facts.id);
      if (since.has(facts.id) || (hasEnded && this.#ended.has(facts.id))) continue;
      this.#sayContainer({ ...this.#details.get(facts.id), ...facts });
    }
    for (const facts of since.values()) if (facts) this.#sayContainer(facts);
    this.#facts.endList();
    this.#ended = ended;
    for (const id of this.#details.keys()) if (!this.#containers.has(id)) this.#details.delete(id);
    return containers
      .filter(({ facts: { id }, isComplete, hasEnded }) => {
        // What had ended before we came can be many, and nobody waits for more than its name.
        const isPast = hasEnded && isFirst;
        return !isComplete && !isPast && this.#containers.has(id) && !this.#details.has(id);
      })
      .map(({ facts }) => facts.id);
  }

  tell({
    pods,
    containers,
  }: {
    readonly pods: readonly PodFacts[];
    readonly containers: readonly ContainerFacts[];
  }): void {
    for (const pod of pods) {
      if (this.#isListing) this.#podsSince.set(pod.uid, pod);
      this.#sayPod(pod);
    }
    for (const container of containers) this.seen(container.id, container);
  }

  /** What a look found; undefined: there is none of this id. */
  seen(id: string, facts: ContainerFacts | undefined): void {
    this.#details.set(id, facts);
    if (!facts) return;
    if (this.#isListing) this.#containersSince.set(id, facts);
    this.#sayContainer(facts);
  }

  gone(id: string): void {
    if (this.#isListing) this.#containersSince.set(id, undefined);
    this.#details.delete(id);
    this.#containers.delete(id);
    this.#facts.containerGone(id);
  }

  #sayPod(pod: PodFacts): void {
    this.#pods.add(pod.uid);
    this.#facts.pod(pod);
  }

  #sayContainer(container: ContainerFacts): void {
    this.#containers.add(container.id);
    this.#facts.container(container);
  }
}
