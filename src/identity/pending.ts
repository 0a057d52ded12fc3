import { milliseconds, type Nanoseconds } from '../telemetry/units.ts';
import { type Identity, isGenerated } from './identity.ts';
import type { Source, SourceName } from './source.ts';
import type { IdentityStore } from './store.ts';

/** `pending`: a source may still name it. `expired`: no source did in time. */
export type NameStatus = 'known' | 'pending' | 'expired';

export interface PendingNamesOptions {
  readonly store: IdentityStore;
  readonly sources: readonly Source[];
  /** How long a name is worth waiting for. */
  readonly hold: Nanoseconds;
  elapsed(): Nanoseconds;
}

interface Wait {
  readonly since: Nanoseconds;
  askedAt: Nanoseconds;
}

/** Names remembered to be missing; the longest missing are forgotten first, and may be waited for again. */
const limit = 16_384;
/** A source that looked too early is asked again. */
const askAgainAfter = milliseconds(500);

/** Sources that know the pods of the node, and not only its containers. */
const podSources: readonly SourceName[] = ['kubernetes', 'kubelet', 'cri'];
/** Sources that may know a container outside a pod, by its runtime. */
const runtimeSources: Readonly<Record<string, readonly SourceName[]>> = {
  docker: ['docker'],
  podman: ['podman'],
  containerd: ['cri'],
  'cri-o': ['cri'],
};
const runtimes: readonly SourceName[] = ['cri', 'docker', 'podman'];

/**
 * Which names are on their way: asks for them, and gives each of them up after a while, so that what has no name at all
 * (a container no source lists) delays data once and not for ever.
 */
export class PendingNames {
  readonly #options: PendingNamesOptions;
  readonly #missing = new Map<string, Wait>();

  constructor(options: PendingNamesOptions) {
    this.#options = options;
  }

  statusOf(id: string, identity: Identity): NameStatus {
    const { containerId = identity.unlistedId, podUid } = identity;
    const key = containerId ?? podUid ?? id;
    const lacking = this.#lacking(identity);
    if (identity.kind !== 'unknown') this.#missing.delete(id);
    if (lacking === undefined) {
      this.#missing.delete(key);
      return 'known';
    }
    const now = this.#options.elapsed();
    const wait = this.#missing.get(key) ?? { since: now, askedAt: Number.NEGATIVE_INFINITY as Nanoseconds };
    this.#missing.set(key, wait);
    if (this.#missing.size > limit)
      for (const oldest of this.#missing.keys().take(1)) this.#missing.delete(oldest);
    if (now - wait.askedAt >= askAgainAfter) {
      wait.askedAt = now;
      const what = {
        ...(containerId !== undefined && { containerId }),
        ...(podUid !== undefined && { podUid }),
      };
      for (const source of lacking) source.requestLookup(what);
    }
    return now - wait.since < this.#options.hold ? 'pending' : 'expired';
  }

  /** The sources that may still say who it is; undefined: it is known, or there is nobody to wait for. */
  #lacking({ kind, podUid, runtime, container, ...ids }: Identity): readonly Source[] | undefined {
    const containerId = ids.containerId ?? ids.unlistedId;
    if (kind === 'unknown') return [];
    if (kind !== 'container' && kind !== 'pod') return undefined;
    const live = this.#options.sources.filter(({ state }) => state === 'connecting' || state === 'ready');
    const lacking = live.filter(({ name }) => {
      const isForPods = podSources.includes(name);
      if (podUid !== undefined && isForPods && !this.#options.store.isPodKnownTo(name, podUid)) return true;
      // an id somebody chose is a name, and of none of these runtimes
      if (containerId === undefined || container !== undefined || !isGenerated(containerId)) return false;
      return podUid === undefined
        ? (runtimeSources[runtime ?? ''] ?? (runtime === undefined ? runtimes : [])).includes(name)
        : isForPods || name === 'docker';
    });
    return lacking.length > 0 ? lacking : undefined;
  }
}
