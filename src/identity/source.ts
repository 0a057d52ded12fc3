import type { Logger } from 'pino';
import type { Counters } from '../telemetry/counters.ts';
import type { Nanoseconds } from '../telemetry/units.ts';
import type { ContainerFacts, PodFacts } from './facts.ts';

export const sourceNames = ['cri', 'docker', 'podman', 'kubelet', 'kubernetes'] as const;
export type SourceName = (typeof sourceNames)[number];

/** Where a source puts what it learns. What it said before about the same id is replaced whole. */
export interface Facts {
  pod(pod: PodFacts): void;
  container(container: ContainerFacts): void;
  /** It is gone; its facts are kept for a while, for data that is late. */
  podGone(uid: string): void;
  containerGone(id: string): void;
  /**
   * A list is complete: whatever this source knew and did not say again since `beginList` is gone. A list that fails has no
   * end, and nothing is gone by it; the next begins anew.
   */
  beginList(): void;
  endList(): void;
}

/**
 * `absent`: its socket or its address is not there. `failing`: it is there and does not answer as it should; what it said
 * before stays. Only where a source is `connecting` or `ready` is it worth waiting for a name.
 */
export type SourceState = 'connecting' | 'ready' | 'absent' | 'failing';

/**
 * Somebody who knows containers and pods by name. It starts no timer: the runtime calls `tick`, about four times a
 * second, and the source then connects, lists or retries what is due. `tick` and `want` return at once and never throw;
 * what fails is logged once, counted, and retried with back-off.
 */
export interface Source {
  readonly name: SourceName;
  readonly state: SourceState;
  /** Why it is not `ready`, for people. */
  readonly reason: string | undefined;
  tick(): void;
  /** Nobody knows this container, or this pod: look at once if the answer is not on its way already. */
  want(what: { readonly containerId?: string; readonly podUid?: string }): void;
  /** Idempotent; ends requests and streams. */
  close(): Promise<void>;
}

export interface SourceContext {
  readonly log: Logger;
  readonly counters: Counters;
  readonly facts: Facts;
  /** Never set back; only differences mean something. */
  elapsed(): Nanoseconds;
  /** 0 to 1, to spread retries. */
  random(): number;
}
