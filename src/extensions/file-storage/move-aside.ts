import { readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { UnixNanoseconds } from '../../telemetry/units.ts';

export const logOf = (path: string) => `${path}-wal`;

/** Renames a file that cannot be used, with its log, to be looked into. Only the newest one is kept. */
export async function moveAside(
  path: string,
  { reason, now }: { readonly reason: string; readonly now: UnixNanoseconds },
): Promise<string> {
  const name = basename(path);
  for (const other of await readdir(dirname(path)))
    if (other.startsWith(`${name}.`)) await rm(join(dirname(path), other));
  const time = new Date(Number(now / 1_000_000n)).toISOString().replace(/[-:]|\.\d+/g, '');
  const aside = `${path}.${reason}-${time}`;
  await rename(path, aside);
  await rename(logOf(path), logOf(aside)).catch(() => {}); // it has none
  return aside;
}
