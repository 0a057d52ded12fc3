import type { ExtensionHost } from '../../component.ts';
import type { LateChange, Store, StoreChange, StoreEntry, StoreRange } from '../../store.ts';
import { seconds } from '../../telemetry/units.ts';
import type { FileStore } from './file-store.ts';
import { StorageError } from './storage-error.ts';

/** A disk that takes longer does not answer. Busy ones take some seconds for a sync. */
export const answerLimit = seconds(10);

export interface BoundedStoreOptions {
  /** For messages. */
  readonly name: string;
  readonly opening: Promise<FileStore>;
  readonly host: Pick<ExtensionHost, 'endsWithin'>;
  /** A call was rejected because the disk does not answer. */
  onUnresponsive(): void;
  onClosed(): void;
}

/**
 * A store whose callers do not wait for a disk that hangs. A call that takes too long is rejected, and goes on; until it has ended
 * all others are rejected at once.
 */
export class BoundedStore implements Store {
  readonly #options: BoundedStoreOptions;
  #opened: FileStore | undefined;
  /** What has not ended in time. */
  #late: Promise<unknown> | undefined;

  constructor(options: BoundedStoreOptions) {
    this.#options = options;
  }

  /** Rejects where the file cannot be opened; not where the disk does not answer. */
  async open(): Promise<void> {
    const { opening, host } = this.#options;
    const opened = opening.then((store) => {
      this.#opened = store;
    });
    if (!(await host.endsWithin(answerLimit, opened))) this.#wait(opened);
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return this.#inTime('read', (store) => store.get(key));
  }

  entries(range: StoreRange): Promise<readonly StoreEntry[]> {
    return this.#inTime('read', (store) => store.entries(range));
  }

  apply(changes: readonly StoreChange[]): Promise<void> {
    return this.#inTime('write', (store) => store.apply(changes));
  }

  sync(): Promise<void> {
    return this.#inTime('sync', (store) => store.sync());
  }

  /** Not bounded: its caller decides how long it waits. */
  async close(): Promise<void> {
    const { opening, onClosed } = this.#options;
    try {
      const store = this.#opened ?? (await opening.catch(() => undefined)); // nothing is open
      await store?.close();
    } finally {
      onClosed();
    }
  }

  async #inTime<T>(operation: string, work: (store: FileStore) => Promise<T>): Promise<T> {
    const { opening, host } = this.#options;
    if (this.#late) throw this.#unresponsive({ operation });
    const working = opening.then(work);
    if (await host.endsWithin(answerLimit, working)) return working;
    this.#wait(working);
    const applied = working.then(
      () => true,
      () => false,
    );
    throw this.#unresponsive({ operation, applied });
  }

  #unresponsive({ operation, ...late }: { readonly operation: string } & Partial<LateChange>): StorageError {
    this.#options.onUnresponsive();
    return new StorageError(`${operation} ${this.#options.name}`, { fault: 'unresponsive', ...late });
  }

  #wait(work: Promise<unknown>): void {
    const late = work
      .catch(() => {}) // its caller is gone, and the file store has counted it
      .then(() => {
        if (this.#late === late) this.#late = undefined;
      });
    this.#late = late;
  }
}
