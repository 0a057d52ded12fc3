import type { Signal } from '../telemetry/batch.ts';

/** What a sender delivers as a whole. */
export interface Request {
  readonly signal: Signal;
  /** Items inside, as they are counted. */
  readonly items: number;
}

/** Why a request found no room. */
export type Overflow = 'queue_full' | 'queue_bytes_full' | 'queue_items_full';

/** Between the pipelines and the attempts. A queue that outlives the process keeps each request until its lease is released. */
export interface Queue<R extends Request> {
  put(request: R): Overflow | undefined;
  /** The oldest that waits, until its lease is released; undefined: none waits. */
  lease(): Lease<R> | undefined;
  /** Requests that wait or are leased. */
  readonly size: number;
  /** Ends it: what waited and will not be leased any more. */
  drain(): readonly R[];
}

export interface Lease<R extends Request> {
  readonly request: R;
  /** It is delivered or lost: its room is free. */
  release(): void;
}
