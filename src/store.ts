/** Bytes by key, in the order of the keys' UTF-8. What was applied outlives the process, however it ends. */
export interface Store {
  get(key: string): Promise<Uint8Array | undefined>;
  /** In order, from a key on, before another, at most so many. */
  entries(range: StoreRange): Promise<readonly StoreEntry[]>;
  /** All of them in this order, or none. Rejects where there is no room, or with a `LateChange` where they may be applied later. */
  apply(changes: readonly StoreChange[]): Promise<void>;
  /** Idempotent. */
  close(): Promise<void>;
}

/** An error of changes that were not applied in time. */
export interface LateChange {
  /** Whether they were in the end. */
  readonly applied: Promise<boolean>;
}

export interface StoreRange {
  readonly from?: string;
  readonly before?: string;
  readonly limit: number;
}

export interface StoreEntry {
  readonly key: string;
  readonly value: Uint8Array;
}

export interface StoreChange {
  readonly key: string;
  /** Undefined: the key is deleted. */
  readonly value: Uint8Array | undefined;
}
