import type { Logger } from 'pino';
import type { Counters } from '../telemetry/counters.ts';
import type { Nanoseconds } from '../telemetry/units.ts';
import type { ContainerFacts, PodFacts } from './facts.ts';

export const sourceNames = ['cri', 'docker', 'podman', 'kubelet', 'kubernetes'] as const;
export type SourceName = (typeof sourceNames)[number];

/** Where a source writes its facts. An update replaces the source's former facts about the same id as a whole. */
export interface FactSink {
  upsertPod(pod: PodFacts): void;
  upsertContainer(container: ContainerFacts): void;
  /** Its facts are kept for a while, for late data. */
  markPodGone(uid: string): void;
  markContainerGone(id: string): void;
  /**
   * At `endList` the list is complete: entries of this source without an update since `beginList` are gone. A failed list
   * has no end and removes nothing; the next `beginList` starts anew.
   */
  beginList(): void;
  endList(): void;
}

/**
 * `absent`: its socket or its address does not exist. `failing`: it exists and does not answer as it should; its facts
 * stay. Names are worth waiting for only while a source is `connecting` or `ready`.
 */
export type SourceState = 'connecting' | 'ready' | 'absent' | 'failing';

/** What to look up: by a container's id, a pod's uid, or both. */
export interface LookupRequest {
  readonly containerId?: string;
  readonly podUid?: string;
}

/**
 * Knows containers and pods by name: a container runtime, a kubelet, an API server. It starts no timer: a task calls
 * `tick` about four times a second, and the source connects, lists or retries what is due. `tick` and `requestLookup`
 * return at once and never throw; a failure is logged once, counted, and retried with back-off.
 */
export interface Source {
  readonly name: SourceName;
  readonly state: SourceState;
  /** Why it is not `ready`, as a sentence for logs. */
  readonly reason: string | undefined;
  tick(): void;
  /** No source has facts about this container or pod: list soon, unless the answer is on its way. */
  requestLookup(request: LookupRequest): void;
  /** Idempotent; ends requests and streams. */
  close(): Promise<void>;
}

export interface SourceContext {
  readonly log: Logger;
  readonly counters: Counters;
  readonly facts: FactSink;
  /** Never set back; only differences mean something. */
  elapsed(): Nanoseconds;
  /** In [0, 1): spreads retries. */
  random(): number;
}
