import type { Stats } from 'node:fs';
import { access, constants, mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

const directoryMode = 0o700;
const writableByOthers = 0o022;
const sticky = 0o1000;

/** What other users may do in a directory. */
export type Exposure =
  /** Make nothing, and remove nothing. */
  | 'private'
  /** Make files, but not remove or rename those of this user, as in `/tmp`. */
  | 'shared'
  /** Put files of theirs in the place of those of this user. */
  | 'open'
  /** It is another user's, who may do anything there. */
  | 'foreign';

export function exposureOf({ uid, mode }: Pick<Stats, 'uid' | 'mode'>): Exposure {
  if (uid !== 0 && uid !== process.geteuid?.()) return 'foreign';
  if ((mode & writableByOthers) === 0) return 'private';
  return (mode & sticky) === 0 ? 'open' : 'shared';
}

/** `it belongs to user 1000 (mode 0755)`: for a message. */
export function describeOwner({ uid, mode }: Pick<Stats, 'uid' | 'mode'>): string {
  return `it belongs to user ${uid} and has mode ${(mode & 0o7777).toString(8).padStart(4, '0')}`;
}

/** Makes a directory, and those above it that are missing, for this user alone. Rejects where this user cannot write to it. */
export async function makeDirectory(directory: string): Promise<Stats> {
  await make(directory);
  await access(directory, constants.W_OK | constants.X_OK);
  return stat(directory);
}

/** Not `recursive`: on a file system that cannot be written, that says a directory above were missing. */
async function make(directory: string): Promise<void> {
  try {
    await mkdir(directory, { mode: directoryMode });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EEXIST' && (await stat(directory)).isDirectory()) return;
    if (code !== 'ENOENT' || dirname(directory) === directory) throw error;
    await make(dirname(directory));
    await mkdir(directory, { mode: directoryMode });
  }
}
