import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Store, StoreChange, StoreEntry, StoreRange } from '../../store.ts';
import { type Database, openDatabase } from './database.ts';
import { logOf } from './move-aside.ts';
import { faultOf, StorageError, type StorageFault, storageError } from './storage-error.ts';

export interface FileStoreOptions {
  readonly path: string;
  /** Puts a file that is of no use out of the way. */
  moveAside(reason: 'corrupt' | 'other_format'): Promise<void>;
  /** A call was rejected. */
  onFailed(fault: StorageFault): void;
  onClosed(): void;
}

/** Bytes after which a sync is due, and beyond which nothing is written without one. */
const dueBytes = 4 * 1024 * 1024;
const mostBytes = 32 * 1024 * 1024;
/** Each change takes one in the log, at least. */
const pageBytes = 4096;

/**
 * A file up to this size is checked as a whole when it is opened: some 1 ms of the event loop for each MiB (`bench/delivery.ts`).
 * A larger one shows damage where it is read, and is then checked.
 */
const checkedBytes = 64 * 1024 * 1024;

/** A store in a file of its own. Where that is damaged, or could not be opened, the next call opens it. */
export class FileStore implements Store {
  readonly #options: FileStoreOptions;
  /** One call after another: what is written during a sync could overwrite a log that the disk does not have. */
  #turn: Promise<unknown> = Promise.resolve();
  #opened: { readonly database: Database; readonly file: FileHandle } | undefined;
  #unsynced = 0;
  #isDamaged = false;
  #closed: Promise<void> | undefined;

  constructor(options: FileStoreOptions) {
    this.#options = options;
  }

  /** Rejects where the file is not for this agent; not where the disk is full, or became read-only after an error. */
  open(): Promise<void> {
    return this.#inTurn('open', async () => {
      try {
        await this.#database();
      } catch (error) {
        const fault = faultOf(error);
        if (fault !== 'full' && fault !== 'read_only') throw error;
      }
    });
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return this.#inTurn('read', async () => (await this.#database()).get(key));
  }

  entries(range: StoreRange): Promise<readonly StoreEntry[]> {
    return this.#inTurn('read', async () => (await this.#database()).entries(range));
  }

  async apply(changes: readonly StoreChange[]): Promise<void> {
    if (changes.length === 0) return;
    await this.#inTurn('write', async () => {
      const database = await this.#database();
      if (this.#unsynced >= dueBytes) await this.#syncBefore();
      // also of what fails: the log has grown by it, until the file has the rest
      this.#unsynced += changes.reduce(
        (sum, { key, value }) => sum + pageBytes + key.length + (value?.length ?? 0),
        0,
      );
      database.apply(changes);
    });
  }

  /** What was applied outlives the machine from then on. The disk may be slow: the event loop goes on meanwhile. */
  sync(): Promise<void> {
    return this.#inTurn('sync', () => this.#sync());
  }

  close(): Promise<void> {
    this.#closed ??= this.#inTurn('close', async () => {
      try {
        await this.#sync();
      } finally {
        await this.#abandon();
        this.#options.onClosed();
      }
    });
    return this.#closed;
  }

  get isClosing(): boolean {
    return this.#closed !== undefined;
  }

  #inTurn<T>(operation: string, work: () => Promise<T>): Promise<T> {
    const { path } = this.#options;
    if (this.#closed && operation !== 'close')
      return Promise.reject(new Error(`cannot ${operation} ${path}: it is closed`));
    const result = this.#turn.then(work).catch(async (cause: unknown) => {
      const error = cause instanceof StorageError ? cause : storageError(`${operation} ${path}`, cause);
      this.#options.onFailed(error.code);
      if (error.code === 'corrupt') {
        this.#isDamaged = true;
        await this.#abandon(); // the next call opens it, and moves it aside
      }
      throw error;
    });
    this.#turn = result.catch(() => {}); // for its caller
    return result;
  }

  async #database(): Promise<Database> {
    this.#opened ??= await this.#open().catch(async (error: unknown) => {
      const fault = faultOf(error);
      if (fault !== 'corrupt' && fault !== 'other_format') throw error;
      await this.#options.moveAside(fault);
      return this.#open();
    });
    return this.#opened.database;
  }

  async #open() {
    const { path } = this.#options;
    const file = await open(path, 'a', 0o600); // the log gets the same permissions
    try {
      const checksAll = this.#isDamaged || (await file.stat()).size <= checkedBytes;
      if (checksAll) await readAhead(path);
      await readAhead(logOf(path));
      const database = openDatabase(path, { checksAll });
      this.#isDamaged = false;
      return { file, database };
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async #abandon(): Promise<void> {
    const opened = this.#opened;
    this.#opened = undefined;
    this.#unsynced = 0;
    opened?.database.close();
    await opened?.file.close(); // after SQLite: it would end its lock
  }

  /** Not after a write: what is rejected then would have been applied. */
  async #syncBefore(): Promise<void> {
    try {
      await this.#sync();
    } catch (cause) {
      if (faultOf(cause) === 'corrupt') throw cause;
      if (this.#unsynced >= mostBytes)
        throw new StorageError(`write ${this.#options.path}`, { fault: 'unsynced', cause });
      this.#options.onFailed(faultOf(cause));
    }
  }

  async #sync(): Promise<void> {
    const opened = this.#opened;
    if (!opened || this.#unsynced === 0) return;
    const log = await open(logOf(this.#options.path), 'r');
    try {
      await log.datasync();
    } finally {
      await log.close();
    }
    opened.database.checkpoint();
    await opened.file.datasync();
    this.#unsynced = 0;
  }
}

/** Into the page cache, so that SQLite, which reads all of it, does not keep the event loop waiting for the disk. */
async function readAhead(path: string): Promise<void> {
  try {
    for await (const _ of createReadStream(path));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
}
