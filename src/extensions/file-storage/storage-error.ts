import type { LateChange } from '../../store.ts';
import { messageOf } from '../../telemetry/health.ts';

/** Why a file cannot be used: by what can be done about it. */
export type StorageFault =
  | 'locked'
  | 'read_only'
  | 'full'
  | 'corrupt'
  | 'other_format'
  | 'unsynced'
  | 'unresponsive'
  | 'exposed'
  | 'failed';

const remedies: Readonly<Record<StorageFault, string>> = {
  locked: 'another agent has it open: give each one a directory of its own',
  read_only: 'it cannot be written: mount a volume there, or set another directory',
  full: 'no space is left on its file system',
  corrupt: 'it is damaged',
  other_format: 'another version of the agent wrote it',
  unsynced: 'the disk has not taken what was written before',
  unresponsive: 'its disk does not answer; look for I/O errors in the log of the kernel',
  exposed:
    'another user may replace what is in it: give it to the user of the agent alone (chown, chmod 0700), or set another directory',
  failed: '',
};

export interface StorageErrorOptions extends Partial<LateChange> {
  readonly fault: StorageFault;
  readonly cause?: unknown;
}

export class StorageError extends Error {
  override readonly name = 'StorageError';
  readonly code: StorageFault;
  /** Of a change that goes on: whether it was applied in the end. */
  readonly applied: LateChange['applied'] | undefined;

  constructor(operation: string, { fault, cause, applied }: StorageErrorOptions) {
    super(
      `cannot ${operation}: ${[remedies[fault], cause && messageOf(cause)].filter(Boolean).join(' (')}${remedies[fault] && cause ? ')' : ''}`,
      {
        cause,
      },
    );
    this.code = fault;
    this.applied = applied;
  }
}

/** By the lowest byte of SQLite's result codes (sqlite.org/rescode.html). */
const bySqlite: Readonly<Record<number, StorageFault>> = {
  5: 'locked', // SQLITE_BUSY
  6: 'locked', // SQLITE_LOCKED
  8: 'read_only', // SQLITE_READONLY
  11: 'corrupt', // SQLITE_CORRUPT
  13: 'full', // SQLITE_FULL
  26: 'corrupt', // SQLITE_NOTADB
};

const byErrno: Readonly<Record<string, StorageFault>> = {
  EROFS: 'read_only',
  EACCES: 'read_only',
  EPERM: 'read_only',
  ENOSPC: 'full',
  EDQUOT: 'full',
};

/** What an error of SQLite or of the file system means. */
export function faultOf(error: unknown): StorageFault {
  if (error instanceof StorageError) return error.code;
  if (!(error instanceof Error)) return 'failed';
  if ('errcode' in error) return bySqlite[Number(error.errcode) & 0xff] ?? 'failed';
  return ('code' in error && byErrno[String(error.code)]) || 'failed';
}

export const storageError = (operation: string, cause: unknown): StorageError =>
  new StorageError(operation, { fault: faultOf(cause), cause });
