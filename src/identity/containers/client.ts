import type { RequestError } from '../../net/request-error.ts';
import type { ContainerFacts, PodFacts } from '../facts.ts';

/** One connection to a container runtime. Every call ends within the source's deadline. */
export interface RuntimeClient {
  handshake(): Promise<RuntimeInfo>;
  list(): Promise<Listing>;
  /** All facts about one container; undefined: the runtime has none of this id. */
  inspect(id: string): Promise<ContainerFacts | undefined>;
  /** Emits changes until the runtime ends the stream (resolves) or it breaks (rejects). */
  follow(emit: (event: RuntimeEvent) => void): Promise<void>;
  /** Idempotent; requests and streams under way fail. */
  close(): void;
}

export interface RuntimeInfo {
  /** Name and version, for logs. */
  readonly runtime: string;
  readonly hasEvents: boolean;
}

export interface Listing {
  readonly pods: readonly PodFacts[];
  readonly containers: readonly ListedContainer[];
  /** Why facts about containers are incomplete; all containers are named. */
  readonly lacking?: RequestError;
}

export interface ListedContainer {
  readonly facts: ContainerFacts;
  /** It has ended, and the runtime still lists it. */
  readonly hasEnded: boolean;
  /** An inspection would add nothing. Inspections run one by one, so few containers may need one. */
  readonly isComplete: boolean;
}

export type RuntimeEvent =
  | {
      readonly kind: 'updated';
      readonly pods: readonly PodFacts[];
      readonly containers: readonly ContainerFacts[];
    }
  /** Something about it changed: inspect it. */
  | { readonly kind: 'changed'; readonly id: string }
  | { readonly kind: 'gone'; readonly id: string };
