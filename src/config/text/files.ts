import { createHash } from 'node:crypto';

/** The digest of each file that was read, by its path; of one that cannot be read the reason. */
export type Files = ReadonlyMap<string, string>;

export const digestOf = (content: string | Buffer): string =>
  createHash('sha256').update(content).digest('hex');
