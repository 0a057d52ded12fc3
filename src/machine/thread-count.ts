import { readFileSync } from 'node:fs';

/** Threads of the machine, of all namespaces; `path` is `/proc/loadavg`. Undefined where it cannot be read. */
export function readThreadCount(path: string): number | undefined {
  try {
    return parseThreadCount(readFileSync(path, 'utf8'));
  } catch {
    return undefined; // not mounted: the size is then that of a small machine
  }
}

/** `0.20 0.18 0.12 1/80 11206`: runnable threads of all. */
export function parseThreadCount(text: string): number | undefined {
  const [, count] = /^\S+ \S+ \S+ \d+\/(\d+) /.exec(text) ?? [];
  return count === undefined ? undefined : Number(count);
}
