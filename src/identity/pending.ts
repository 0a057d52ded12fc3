import { type CgroupId, milliseconds, type Nanoseconds } from '../telemetry/units.ts';
import { type Identity, isGenerated } from './identity.ts';
import type { Source, SourceName } from './source.ts';
import type { IdentityStore } from './store.ts';

/** `pending`: a source may still name it. `expired`: no source did in time. */
export type NameStatus = 'known' | 'pending' | 'expired';

export interface PendingNamesOptions {
  readonly store: IdentityStore;
  readonly sources: readonly Source[];
  /** How long a name stays pending. */
  readonly hold: Nanoseconds;
  elapsed(): Nanoseconds;
}

interface PendingName {
  readonly since: Nanoseconds;
  requestedAt: Nanoseconds;
}

/** Names tracked; the oldest are evicted first and may become pending again. */
const maxNames = 16_384;
/** The first request may have come before the source could know. */
const requestAgainAfter = milliseconds(500);

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
 * Names that sources may still learn. It requests their lookup, and lets each expire, so that a container that no source
 * lists delays data once and not again.
 */
export class PendingNames {
  readonly #options: PendingNamesOptions;
  readonly #names = new Map<string, PendingName>();

  constructor(options: PendingNamesOptions) {
    this.#options = options;
  }

  statusOf(id: CgroupId, identity: Identity): NameStatus {
    const { containerId = identity.unlistedId, podUid } = identity;
    const key = containerId ?? podUid ?? String(id);
    const lacking = this.#lacking(identity);
    if (identity.kind !== 'unknown') this.#names.delete(String(id));
    if (lacking === undefined) {
      this.#names.delete(key);
      return 'known';
    }
    const now = this.#options.elapsed();
    const name = this.#nameOf(key, now);
    if (now - name.requestedAt >= requestAgainAfter) {
      name.requestedAt = now;
      const request = {
        ...(containerId !== undefined && { containerId }),
        ...(podUid !== undefined && { podUid }),
      };
      for (const source of lacking) source.requestLookup(request);
    }
    return now - name.since < this.#options.hold ? 'pending' : 'expired';
  }

  #nameOf(key: string, now: Nanoseconds): PendingName {
    const name = this.#names.get(key) ?? { since: now, requestedAt: Number.NEGATIVE_INFINITY as Nanoseconds };
    this.#names.set(key, name);
    if (this.#names.size > maxNames)
      for (const oldest of this.#names.keys().take(1)) this.#names.delete(oldest);
    return name;
  }

  /** The sources that may still name it; undefined: it is named, or no source can. */
  #lacking({ kind, podUid, runtime, container, ...ids }: Identity): readonly Source[] | undefined {
    const containerId = ids.containerId ?? ids.unlistedId;
    if (kind === 'unknown') return [];
    if (kind !== 'container' && kind !== 'pod') return undefined;
    const live = this.#options.sources.filter(({ state }) => state === 'connecting' || state === 'ready');
    const lacking = live.filter(({ name }) => {
      const isForPods = podSources.includes(name);
      if (podUid !== undefined && isForPods && !this.#options.store.isPodKnownTo(name, podUid)) return true;
      // An id that is not generated is a name already, and belongs to none of these runtimes.
      if (containerId === undefined || container !== undefined || !isGenerated(containerId)) return false;
      return podUid === undefined
        ? (runtimeSources[runtime ?? ''] ?? (runtime === undefined ? runtimes : [])).includes(name)
        : isForPods || name === 'docker';
    });
    return lacking.length > 0 ? lacking : undefined;
  }
}
