import { type Nanoseconds, nanoseconds, seconds } from '../../telemetry/units.ts';
import { objectIn, textIn } from '../containers/json.ts';
import type { OwnerFacts, PodFacts } from '../facts.ts';
import type { SourceContext } from '../source.ts';
import type { Condition } from './condition.ts';
import { KubeError } from './kube-error.ts';
import { controllerIn } from './pod-facts.ts';

/** Kinds that are themselves managed, and where the API has them. */
const resources: Readonly<Record<string, string>> = {
  ReplicaSet: '/apis/apps/v1/namespaces/{namespace}/replicasets/{name}',
  Job: '/apis/batch/v1/namespaces/{namespace}/jobs/{name}',
};

/**
 * Who stands behind a pod's owner, by the names controllers give: a Deployment's ReplicaSet is called after it and after
 * the hash on its pods, a CronJob's Job after it and the minute it was due (before Kubernetes 1.21 the second); no minute
 * since 2017 looks like a date.
 */
export function deriveOwner({ owners, labels }: PodFacts): OwnerFacts | undefined {
  const [owner] = owners ?? [];
  if (owner?.kind === 'ReplicaSet') {
    const hash = labels?.['pod-template-hash'];
    const name =
      hash !== undefined && owner.name.endsWith(`-${hash}`) ? owner.name.slice(0, -hash.length - 1) : '';
    return name === '' ? undefined : { kind: 'Deployment', name };
  }
  if (owner?.kind !== 'Job') return undefined;
  const name = /^(.+)-(?:2[5-9]\d{6}|3\d{7}|1[5-9]\d{8})$/.exec(owner.name)?.[1];
  return name === undefined ? undefined : { kind: 'CronJob', name };
}

export function withOwner(pod: PodFacts, owner: OwnerFacts | undefined): PodFacts {
  return owner === undefined ? pod : { ...pod, owners: [...(pod.owners ?? []).slice(0, 1), owner] };
}

const maxKnown = 2048;
const maxAtOnce = 4;
const maxTries = 5;
const firstPause = seconds(1);
/** One that is not found, or may not be looked at, is asked for again when a pod of it is seen after so long. */
const forgetFailureAfter = seconds(300);

interface OwnerLookup {
  readonly path: string;
  readonly uid: string | undefined;
  /** `unknown`: not found out yet; `none`: the object has no owner. */
  owner: OwnerFacts | 'unknown' | 'none';
  /** When to ask; of a failure, when it is forgotten. */
  due: Nanoseconds;
  tries: number;
  phase: 'waiting' | 'asking' | 'settled';
}

/** Looks up who owns the owners, each once. Until it knows it says what the names say. */
export class Owners {
  readonly #get: (path: string) => Promise<unknown>;
  readonly #context: SourceContext;
  readonly #condition: Condition;
  readonly #onFound: () => void;
  /** The least recently used first. */
  readonly #known = new Map<string, OwnerLookup>();
  readonly #waiting = new Set<OwnerLookup>();
  readonly #forbidden = new Set<string>();
  #asking = 0;

  constructor(options: {
    get: (path: string) => Promise<unknown>;
    context: SourceContext;
    condition: Condition;
    /** Pods that were completed before may now be completed better. */
    onFound: () => void;
  }) {
    this.#get = options.get;
    this.#context = options.context;
    this.#condition = options.condition;
    this.#onFound = options.onFound;
  }

  complete(pod: PodFacts): PodFacts {
    const known = this.#of(pod);
    if (known === undefined || known.owner === 'none') return pod;
    return withOwner(pod, known.owner === 'unknown' ? deriveOwner(pod) : known.owner);
  }

  tick(): void {
    const now = this.#context.elapsed();
    for (const known of this.#waiting) {
      if (this.#asking >= maxAtOnce) return;
      if (now >= known.due) void this.#ask(known);
    }
  }

  #of(pod: PodFacts): OwnerLookup | undefined {
    const [owner] = pod.owners ?? [];
    const template = owner && Object.hasOwn(resources, owner.kind) ? resources[owner.kind] : undefined;
    if (owner === undefined || template === undefined || pod.namespace === undefined) return undefined;
    const path = template
      .replace('{namespace}', encodeURIComponent(pod.namespace))
      .replace('{name}', encodeURIComponent(owner.name));
    const key = `${path} ${owner.uid}`;
    const now = this.#context.elapsed();
    const found = this.#known.get(key);
    this.#known.delete(key);
    const isForgotten = found?.phase === 'settled' && found.owner === 'unknown' && now >= found.due;
    const known: OwnerLookup =
      found && !isForgotten
        ? found
        : { path, uid: owner.uid, owner: 'unknown', due: now, tries: 0, phase: 'waiting' };
    this.#known.set(key, known);
    if (known.phase === 'waiting') this.#waiting.add(known);
    this.#forgetOldest();
    return known;
  }

  #forgetOldest(): void {
    if (this.#known.size <= maxKnown) return;
    const [oldest] = this.#known;
    if (oldest === undefined) return;
    this.#known.delete(oldest[0]);
    this.#waiting.delete(oldest[1]);
  }

  async #ask(known: OwnerLookup): Promise<void> {
    this.#waiting.delete(known);
    this.#asking++;
    known.phase = 'asking';
    known.tries++;
    try {
      const metadata = objectIn(objectIn(await this.#get(known.path)).metadata);
      if (textIn(metadata.uid) === undefined)
        throw new KubeError('invalid_response', 'the answer is no object');
      const [owner] = controllerIn(metadata) ?? [];
      // Another object of the same name is not the one the pod means.
      const isSame = known.uid === undefined || known.uid === metadata.uid;
      if (isSame) known.owner = owner ?? 'none';
      this.#settle(known);
      if (isSame) this.#onFound();
    } catch (error) {
      this.#failed(known, error as KubeError); // the only thing that `get` rejects with
    } finally {
      this.#asking--;
    }
  }

  #failed(known: OwnerLookup, error: KubeError): void {
    if (error.reason === 'closed') return;
    // Deleted before its pods: nothing is wrong.
    if (error.reason !== 'not_found') this.#condition.count(error);
    if (error.reason === 'forbidden') this.#warnForbidden(known.path, error);
    if (error.reason === 'not_found' || error.reason === 'forbidden' || known.tries >= maxTries) {
      this.#settle(known);
      return;
    }
    known.phase = 'waiting';
    const pause = Math.max(firstPause * 4 ** (known.tries - 1), error.retryAfter ?? 0);
    known.due = nanoseconds(this.#context.elapsed() + pause * (1 - this.#context.random() / 2));
    this.#waiting.add(known);
  }

  #settle(known: OwnerLookup): void {
    known.phase = 'settled';
    known.due = nanoseconds(this.#context.elapsed() + forgetFailureAfter);
  }

  #warnForbidden(path: string, { message }: KubeError): void {
    const [, group, resource] = /^\/apis\/(\w+)\/.*\/(\w+)\/[^/]*$/.exec(path) ?? [];
    const what = `${resource}.${group}`;
    if (this.#forbidden.has(what)) return;
    this.#forbidden.add(what);
    this.#context.log.warn(
      { source: 'kubernetes' },
      `cannot look up owners: ${message}; their names are derived from those of their ${resource}. A ClusterRole with get on ${what} allows it; "owners: derive" does without`,
    );
  }
}
