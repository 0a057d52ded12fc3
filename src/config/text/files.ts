import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';

/** The digest of each file that was read, by its path; of one that cannot be read the reason. */
export type Files = ReadonlyMap<string, string>;

export const digestOf = (content: string | Buffer): string =>
  createHash('sha256').update(content).digest('hex');

/** Synchronous, as the configuration is read. */
export function digestAt(path: string): string {
  try {
    if (!statSync(path).isFile()) return 'no file'; // a pipe can be read once only
    return digestOf(readFileSync(path));
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}

export const filesAt = (paths: readonly string[]): Files =>
  new Map(paths.map((path) => [path, digestAt(path)]));
