import type { Stats } from 'node:fs';
import { lstat, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describeOwner, exposureOf, makeDirectory } from '../../machine/private-directory.ts';
import { faultOf, StorageError, storageError } from './storage-error.ts';

/** In a directory in which other users may make files, such as an `emptyDir` (mode 0777) or `/tmp` (1777). */
const ownDirectory = 'earshot';

/**
 * Where the files of a storage are: in its directory, or in one of its own there, where others may make files. They could put
 * links and files of theirs in the place of those that SQLite opens by name. Rejects where they still can, and where it cannot be
 * made; not where it is there on a file system that has become read-only, as after an error of the disk.
 */
export async function storageDirectory(directory: string): Promise<string> {
  const made = await make(directory);
  const exposure = exposureOf(made);
  if (exposure === 'foreign') refuse(directory, made);
  const real = await realpath(directory);
  return exposure === 'private' ? real : own(join(real, ownDirectory));
}

async function own(directory: string): Promise<string> {
  await make(directory);
  const found = await lstat(directory); // others may have put a link there
  if (!found.isDirectory() || exposureOf(found) !== 'private') refuse(directory, found);
  return directory;
}

async function make(directory: string): Promise<Stats> {
  try {
    return await makeDirectory(directory);
  } catch (error) {
    const found = faultOf(error) === 'read_only' ? await stat(directory).catch(() => undefined) : undefined;
    if (found?.isDirectory()) return found;
    throw storageError(`use the directory ${directory}`, error);
  }
}

function refuse(directory: string, found: Stats): never {
  const cause = new Error(found.isSymbolicLink() ? 'it is a link' : describeOwner(found));
  throw new StorageError(`use the directory ${directory}`, { fault: 'exposed', cause });
}
