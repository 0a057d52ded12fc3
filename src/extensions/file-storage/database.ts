import type { StoreChange, StoreEntry, StoreRange } from '../../store.ts';
import { sqlite } from './sqlite.ts';
import { StorageError } from './storage-error.ts';

/** An open file of SQLite, which no other process can open. Its functions block; they throw what SQLite throws. */
export interface Database {
  get(key: string): Uint8Array | undefined;
  entries(range: StoreRange): readonly StoreEntry[];
  apply(changes: readonly StoreChange[]): void;
  /** Moves what was applied from the write-ahead log to the file. */
  checkpoint(): void;
  close(): void;
}

/** `PRAGMA user_version` */
const format = 1;

/**
 * Nothing waits for the disk here: the operating system has what was applied, so that it outlives the process. The
 * caller syncs the log before, and the file after each checkpoint, as SQLite would.
 */
const settings = `
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = OFF;
PRAGMA wal_autocheckpoint = 0;
PRAGMA journal_size_limit = 1048576;
PRAGMA cache_size = -512;
`;

/** Creates it where there is none. `checksAll`: reads all of it, and throws where it is damaged anywhere. */
export function openDatabase(path: string, { checksAll }: { readonly checksAll: boolean }): Database {
  const { DatabaseSync } = sqlite();
  const database = new DatabaseSync(path);
  try {
    database.exec(settings);
    database.exec('BEGIN IMMEDIATE'); // takes the lock, also of a file that nothing is written to
    const version = numberIn(database.prepare('PRAGMA user_version').get());
    if (version !== 0 && version !== format)
      throw new StorageError(`open ${path}`, { fault: 'other_format' });
    if (checksAll && textIn(database.prepare('PRAGMA quick_check(1)').get()) !== 'ok')
      throw new StorageError(`open ${path}`, { fault: 'corrupt' });
    if (version === 0)
      database.exec(
        `CREATE TABLE entries (key TEXT NOT NULL UNIQUE, value BLOB NOT NULL) STRICT; PRAGMA user_version = ${format}`,
      );
    database.exec('COMMIT');
  } catch (error) {
    database.close();
    throw error;
  }
  const get = database.prepare('SELECT value FROM entries WHERE key = ?');
  const range = database.prepare(
    'SELECT key, value FROM entries WHERE key >= ? AND (? IS NULL OR key < ?) ORDER BY key LIMIT ?',
  );
  const set = database.prepare(
    'INSERT INTO entries (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
  );
  const remove = database.prepare('DELETE FROM entries WHERE key = ?');
  return {
    get: (key) => get.get(key)?.value as Uint8Array | undefined, // by the table
    entries: ({ from = '', before = null, limit }) =>
      range.all(from, before, before, limit) as unknown as readonly StoreEntry[], // by the table
    apply(changes) {
      database.exec('BEGIN IMMEDIATE');
      try {
        for (const { key, value } of changes)
          if (value === undefined) remove.run(key);
          else set.run(key, value);
        database.exec('COMMIT');
      } catch (error) {
        if (database.isTransaction) database.exec('ROLLBACK'); // SQLite may have done so, where the disk is full
        throw error;
      }
    },
    checkpoint: () => database.exec('PRAGMA wal_checkpoint(PASSIVE)'),
    close: () => database.close(),
  };
}

const valueIn = (row: Readonly<Record<string, unknown>> | undefined) => Object.values(row ?? {})[0];
const numberIn = (row: Readonly<Record<string, unknown>> | undefined) => Number(valueIn(row));
const textIn = (row: Readonly<Record<string, unknown>> | undefined) => String(valueIn(row));
