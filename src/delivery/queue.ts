import type { Signal } from '../telemetry/batch.ts';

/** What a sender delivers as a whole. */
export interface Request {
  readonly signal: Signal;
  /** Items inside, as they are counted. */
  readonly items: number;
}

/** Why a request found no room. */
export type Overflow =
  | 'queue_full'
  | 'queue_bytes_full'
  | 'queue_items_full'
  /** It alone is more than the queue ever holds. */
  | 'request_too_large';

/** Undefined: it has its place. `kept`: it came while the queue was drained, and is there for the next process. */
export type Put = Overflow | 'shutdown' | 'kept' | undefined;

/**
 * Between the pipelines, which put requests in, and the attempts, which lease them. A queue that outlives the process keeps
 * each request until its lease is released.
 */
export interface Queue<R extends Request, Content extends Request = R> {
  /** Where the queue blocks on overflow, it resolves when there was room. */
  put(request: Content): Put | Promise<Put>;
  /** The oldest that waits, until its lease is released; undefined: none waits. */
  lease(): Lease<R> | undefined;
  /** Requests that wait or are leased. */
  readonly size: number;
  /** Ends it: what waited, will not be leased any more, and is lost. Nothing waits for room any more. */
  drain(): readonly R[];
  close(): Promise<void>;
}

export interface Lease<R extends Request> {
  readonly request: R;
  /** It is delivered or lost: its room is free. */
  release(): void;
  /** It is for the next process to deliver; false: the queue cannot keep it. */
  keep(): boolean;
}
