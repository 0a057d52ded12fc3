import { type FileHandle, open } from 'node:fs/promises';
import type { Bytes } from '../../telemetry/units.ts';
import { type BackupOptions, moveAside, prune } from './backups.ts';
import { repair } from './repair.ts';

export interface RecordFileOptions {
  readonly path: string;
  /** What is in the file stays. */
  readonly append: boolean;
  readonly isFramed: boolean;
  /** What is in a file is on the disk when it is closed. */
  readonly isSynced: boolean;
  readonly rotation?: BackupOptions & { readonly maxSize: Bytes };
  /** Milliseconds since the epoch. */
  now(): number;
  onTorn(): void;
  onUndeleted(files: number): void;
}

/** A file to which records are added, whole or not at all, and which begins anew where it becomes too large. */
export interface RecordFile {
  /** Rejects, and leaves nothing of it behind, where it cannot be written. One call at a time. */
  write(records: Uint8Array): Promise<void>;
  /** Forces what was written to the disk. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export async function openRecordFile(options: RecordFileOptions): Promise<RecordFile> {
  const { path, rotation, now } = options;
  let { file, size, isRegular } = await openAt(options);
  /** The file has its new name, and the next one could not be opened. */
  let isMoved = false;
  /** What a write that failed left behind its end could not be taken off. */
  let isTorn = false;
  let isDirty = false;
  let closed: Promise<void> | undefined;
  await deleteOld();

  async function deleteOld(): Promise<void> {
    if (rotation === undefined) return;
    const left = await prune(path, now(), rotation);
    if (left > 0) options.onUndeleted(left);
  }

  async function sync(): Promise<void> {
    if (!isDirty || !isRegular) return;
    isDirty = false;
    await file.datasync();
  }

  async function end(): Promise<void> {
    try {
      if (options.isSynced) await sync();
    } finally {
      await file.close();
    }
  }

  async function rotate(backups: BackupOptions): Promise<void> {
    if (options.isSynced) await sync();
    if (!isMoved) await moveAside(path, now(), backups);
    isMoved = true;
    const next = await openAt({ ...options, append: true });
    await file.close();
    ({ file, size, isRegular } = next);
    isMoved = false;
    await deleteOld();
  }

  async function cut(): Promise<void> {
    if (!isRegular) return;
    isTorn = true;
    await file.truncate(size);
    isTorn = false;
  }

  return {
    async write(records) {
      if (isTorn) await cut();
      const isFull = rotation !== undefined && size > 0 && size + records.length > rotation.maxSize;
      if (rotation && (isFull || isMoved)) await rotate(rotation);
      try {
        await writeAll(file, records, isRegular ? size : undefined);
      } catch (error) {
        await cut().catch(() => {}); // before the next write
        throw error;
      }
      size += records.length;
      isDirty = true;
    },
    async sync() {
      if (!closed) await sync();
    },
    close() {
      closed ??= end();
      return closed;
    },
  };
}

async function openAt({ path, append, isFramed, onTorn }: RecordFileOptions) {
  // not the flag for appending: it ignores positions
  const file = await open(path, append ? 'r+' : 'w', 0o644).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' && append) return open(path, 'wx+', 0o644);
    throw error;
  });
  try {
    const isRegular = (await file.stat()).isFile(); // no pipe, as standard output may be
    if (append && isRegular && repair(file.fd, isFramed)) onTorn();
    return { file, isRegular, size: isRegular ? (await file.stat()).size : 0 };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array, start: number | undefined): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const at = start === undefined ? null : start + done;
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at);
    done += bytesWritten;
  }
}
