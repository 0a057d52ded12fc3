import { type Nanoseconds, nanoseconds, seconds } from '../../telemetry/units.ts';
import type { OwnerFacts, PodFacts } from '../facts.ts';
import { objectIn, textIn } from '../json.ts';
import { deriveOwner, withOwner } from '../owners.ts';
import type { SourceContext } from '../source.ts';
import type { Condition } from './condition.ts';
import { KubeError } from './kube-error.ts';
import { controllerIn } from './pod-facts.ts';

/** Kinds that have owners themselves, and their paths in the API. */
const resources: Readonly<Record<string, string>> = {
  ReplicaSet: '/apis/apps/v1/namespaces/{namespace}/replicasets/{name}',
  Job: '/apis/batch/v1/namespaces/{namespace}/jobs/{name}',
};

const maxLookups = 2048;
const maxConcurrent = 4;
const maxTries = 5;
const firstPause = seconds(1);
/** An object that was not found or not readable is requested again when a pod of it is seen after this time. */
const retryFailureAfter = seconds(300);

interface Lookup {
  readonly path: string;
  readonly uid: string | undefined;
  /** `unknown`: no answer yet; `none`: the object has no owner. */
  owner: OwnerFacts | 'unknown' | 'none';
  /** Time of the next request; of a failure, when it may be requested again. */
  due: Nanoseconds;
  tries: number;
  phase: 'waiting' | 'requested' | 'done';
}

export interface OwnerLookupOptions {
  get: (path: string) => Promise<unknown>;
  context: SourceContext;
  condition: Condition;
  /** Pods completed before may have another owner now. */
  onFound: () => void;
}

/** Looks up the owners of pods' owners, each once. Until the answer the owner is derived from names. */
export class OwnerLookup {
  readonly #options: OwnerLookupOptions;
  /** Least recently used first. */
  readonly #lookups = new Map<string, Lookup>();
  readonly #waiting = new Set<Lookup>();
  readonly #forbidden = new Set<string>();
  #running = 0;

  constructor(options: OwnerLookupOptions) {
    this.#options = options;
  }

  complete(pod: PodFacts): PodFacts {
    const lookup = this.#lookupOf(pod);
    if (lookup === undefined || lookup.owner === 'none') return pod;
    return withOwner(pod, lookup.owner === 'unknown' ? deriveOwner(pod) : lookup.owner);
  }

  tick(): void {
    const now = this.#options.context.elapsed();
    for (const lookup of this.#waiting) {
      if (this.#running >= maxConcurrent) return;
      if (now >= lookup.due) void this.#run(lookup);
    }
  }

  #lookupOf(pod: PodFacts): Lookup | undefined {
    const [owner] = pod.owners ?? [];
    const template = owner && Object.hasOwn(resources, owner.kind) ? resources[owner.kind] : undefined;
    if (owner === undefined || template === undefined || pod.namespace === undefined) return undefined;
    const path = template
      .replace('{namespace}', encodeURIComponent(pod.namespace))
      .replace('{name}', encodeURIComponent(owner.name));
    const key = `${path} ${owner.uid}`;
    const now = this.#options.context.elapsed();
    const found = this.#lookups.get(key);
    this.#lookups.delete(key);
    const isExpired = found?.phase === 'done' && found.owner === 'unknown' && now >= found.due;
    const lookup: Lookup =
      found && !isExpired
        ? found
        : { path, uid: owner.uid, owner: 'unknown', due: now, tries: 0, phase: 'waiting' };
    this.#lookups.set(key, lookup);
    if (lookup.phase === 'waiting') this.#waiting.add(lookup);
    this.#evictOldest();
    return lookup;
  }

  #evictOldest(): void {
    if (this.#lookups.size <= maxLookups) return;
    const [oldest] = this.#lookups;
    if (oldest === undefined) return;
    this.#lookups.delete(oldest[0]);
    this.#waiting.delete(oldest[1]);
  }

  async #run(lookup: Lookup): Promise<void> {
    this.#waiting.delete(lookup);
    this.#running++;
    lookup.phase = 'requested';
    lookup.tries++;
    try {
      const metadata = objectIn(objectIn(await this.#options.get(lookup.path)).metadata);
      if (textIn(metadata.uid) === undefined)
        throw new KubeError('invalid_response', 'the answer is no object');
      const [owner] = controllerIn(metadata) ?? [];
      // Another object of the same name is not the pod's owner.
      const isSame = lookup.uid === undefined || lookup.uid === metadata.uid;
      if (isSame) lookup.owner = owner ?? 'none';
      this.#finish(lookup);
      if (isSame) this.#options.onFound();
    } catch (error) {
      this.#failed(lookup, error as KubeError); // the only thing that `get` rejects with
    } finally {
      this.#running--;
    }
  }

  #failed(lookup: Lookup, error: KubeError): void {
    if (error.reason === 'closed') return;
    const { condition, context } = this.#options;
    // Deleted before its pods: nothing is wrong.
    if (error.reason !== 'not_found') condition.count(error);
    if (error.reason === 'forbidden') this.#warnForbidden(lookup.path, error);
    if (error.reason === 'not_found' || error.reason === 'forbidden' || lookup.tries >= maxTries) {
      this.#finish(lookup);
      return;
    }
    lookup.phase = 'waiting';
    const pause = Math.max(firstPause * 4 ** (lookup.tries - 1), error.retryAfter ?? 0);
    lookup.due = nanoseconds(context.elapsed() + pause * (1 - context.random() / 2));
    this.#waiting.add(lookup);
  }

  #finish(lookup: Lookup): void {
    lookup.phase = 'done';
    lookup.due = nanoseconds(this.#options.context.elapsed() + retryFailureAfter);
  }

  #warnForbidden(path: string, { message }: KubeError): void {
    const [, group, resource] = /^\/apis\/(\w+)\/.*\/(\w+)\/[^/]*$/.exec(path) ?? [];
    const kind = `${resource}.${group}`;
    if (this.#forbidden.has(kind)) return;
    this.#forbidden.add(kind);
    this.#options.context.log.warn(
      { source: 'kubernetes' },
      `cannot look up owners: ${message}; their names are derived from those of their ${resource}. A ClusterRole with get on ${kind} allows it; "owners: derive" does without`,
    );
  }
}
