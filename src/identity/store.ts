import type { Counters } from '../telemetry/counters.ts';
import { identityCounters } from './emits.ts';
import { Register, type RegisterOptions } from './fact-store.ts';
import type { ContainerFacts, PodFacts } from './facts.ts';
import type { Facts, SourceName } from './source.ts';

export interface DirectoryOptions extends RegisterOptions {
  readonly counters: Counters;
  /** The id of the processor, for the counters. */
  readonly component: string;
  /** Which annotations of pods are kept. */
  keepAnnotation(key: string): boolean;
}

/** What all sources together know of pods and containers. */
export class Directory {
  readonly #pods: Register<PodFacts>;
  readonly #containers: Register<ContainerFacts>;
  /** From the uid that the API gives a static pod to the hash that stands in its cgroup's path. */
  readonly #hashes = new Map<string, string>();
  readonly #containersOf = new Map<string, Set<string>>();
  readonly #options: DirectoryOptions;
  #revision = 0;

  constructor(options: DirectoryOptions) {
    this.#options = options;
    const { counters, component } = options;
    const count = (why: string, what: string) => {
      if (why === 'no room') counters.add(identityCounters.namesDropped, 1, { component, reason: what });
    };
    this.#pods = new Register(options, (key, _, why) => {
      count(why, 'pods');
      this.#containersOf.delete(key);
      for (const [uid, hash] of this.#hashes) if (hash === key) this.#forgetStatic(uid);
    });
    this.#containers = new Register(options, (id, { podUid }, why) => {
      count(why, 'containers');
      if (podUid !== undefined) this.#leave(podUid, id);
    });
  }

  /** Another one whenever something was said: then it is worth looking again. */
  get revision(): number {
    return this.#revision;
  }

  /** The same object until something is said about it. */
  container(id: string): ContainerFacts | undefined {
    return this.#containers.get(id);
  }

  /** By its uid, or by the hash in a static pod's path. The same object until something is said about it. */
  pod(uid: string): PodFacts | undefined {
    return this.#pods.get(this.#keyOf(uid));
  }

  isPodSaidBy(source: SourceName, uid: string): boolean {
    return this.#pods.isSaidBy(source, this.#keyOf(uid));
  }

  /** Its regular containers, as far as known; one that has been restarted is still one. */
  containersIn(podUid: string): number {
    const names = new Set<string>();
    for (const id of this.#containersOf.get(podUid) ?? []) {
      const { name, role = 'container' } = this.container(id) ?? {};
      if (name !== undefined && role === 'container') names.add(name);
    }
    return names.size;
  }

  /** Where this source puts what it learns. */
  factsOf(source: SourceName): Facts {
    let list = 0;
    return {
      pod: (pod) => this.#sayPod(source, pod, list),
      container: (container) => this.#sayContainer(source, container, list),
      podGone: (uid) => this.#pods.gone(source, this.#keyOf(uid)),
      containerGone: (id) => this.#containers.gone(source, id),
      beginList() {
        list += 1;
      },
      endList: () => {
        this.#pods.endList(source, list);
        this.#containers.endList(source, list);
      },
    };
  }

  /** Forgets what has been gone long enough. */
  sweep(): void {
    this.#pods.sweep();
    this.#containers.sweep();
  }

  #keyOf(podUid: string): string {
    return this.#hashes.get(podUid) ?? podUid;
  }

  #sayPod(source: SourceName, facts: PodFacts, list: number): void {
    const { uid, configHash = uid } = facts;
    if (configHash !== uid) this.#hashes.set(uid, configHash);
    this.#revision += 1;
    this.#pods.say(source, configHash, { facts: this.#withoutSurplus(facts), list });
  }

  /** Of a static pod some sources say the uid and others the hash: what was kept by either goes. */
  #forgetStatic(uid: string): void {
    this.#hashes.delete(uid);
    this.#containersOf.delete(uid);
  }

  #withoutSurplus(pod: PodFacts): PodFacts {
    if (!pod.annotations) return pod;
    const kept = Object.entries(pod.annotations).filter(([key]) => this.#options.keepAnnotation(key));
    return { ...pod, annotations: Object.fromEntries(kept) };
  }

  #sayContainer(source: SourceName, facts: ContainerFacts, list: number): void {
    const { id, podUid } = facts;
    this.#revision += 1;
    this.#containers.say(source, id, { facts, list });
    if (podUid === undefined) return;
    const ids = this.#containersOf.get(podUid) ?? new Set();
    this.#containersOf.set(podUid, ids.add(id));
  }

  #leave(podUid: string, id: string): void {
    const ids = this.#containersOf.get(podUid);
    ids?.delete(id);
    if (ids?.size === 0) this.#containersOf.delete(podUid);
  }
}
