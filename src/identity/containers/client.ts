import type { RequestError } from '../../net/request-error.ts';
import type { ContainerFacts, PodFacts } from '../facts.ts';

/** What one connection to a container runtime must be able to do. Every call ends within the source's deadline. */
export interface RuntimeClient {
  handshake(): Promise<RuntimeInfo>;
  list(): Promise<Listing>;
  /** What there is to know of one container; undefined: there is none of this id. */
  inspect(id: string): Promise<ContainerFacts | undefined>;
  /** Tells what happens until the runtime ends the stream (resolves) or it breaks (rejects). */
  follow(emit: (event: RuntimeEvent) => void): Promise<void>;
  /** Idempotent; requests and streams under way fail. */
  close(): void;
}

export interface RuntimeInfo {
  /** For people: name and version. */
  readonly runtime: string;
  readonly hasEvents: boolean;
}

export interface Listing {
  readonly pods: readonly PodFacts[];
  readonly containers: readonly ListedContainer[];
  /** Why it says less of containers than it should; it names them all. */
  readonly lacking?: RequestError;
}

export interface ListedContainer {
  readonly facts: ContainerFacts;
  /** It runs no more, though the runtime still has it. */
  readonly hasEnded: boolean;
  /** A look would add nothing. Looks are made one by one, so few containers may need one. */
  readonly isComplete: boolean;
}

export type RuntimeEvent =
  | {
      readonly kind: 'updated';
      readonly pods: readonly PodFacts[];
      readonly containers: readonly ContainerFacts[];
    }
  /** Something about it is new: look. */
  | { readonly kind: 'changed'; readonly id: string }
  | { readonly kind: 'gone'; readonly id: string };
