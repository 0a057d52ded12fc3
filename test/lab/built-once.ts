import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Big programs that no distribution packages are built once, outside the checkout, and kept by version. */

const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'earshot');

export const cached = (name: string): string => join(cache, name);

/** The folder of that name in the cache, built unless it is there. Whole or not at all: a build that was cut short leaves nothing. */
export function builtOnce(name: string, build: (folder: string) => void): string {
  const folder = cached(name);
  if (existsSync(folder)) return folder;
  mkdirSync(cache, { recursive: true });
  const fresh = mkdtempSync(`${folder}.`);
  try {
    build(fresh);
    if (!existsSync(folder)) renameSync(fresh, folder); // else another build was quicker
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return folder;
}
