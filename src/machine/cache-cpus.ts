import { readFileSync } from 'node:fs';

/**
 * How many neighbouring CPUs share the last-level cache of CPU 0; `path` is its `cache/index3/shared_cpu_list`. Undefined
 * where there is no such cache or the kernel does not tell.
 */
export function readCacheCpus(path: string): number | undefined {
  try {
    return parseCacheCpus(readFileSync(path, 'utf8'));
  } catch {
    return undefined; // no third level, or a hypervisor that hides it
  }
}

/** `0-7,128-135`: eight neighbours, and their siblings elsewhere. */
export function parseCacheCpus(text: string): number | undefined {
  const [, last = '0'] = /^0(?:-(\d+))?(?:,|$)/.exec(text.trim()) ?? [];
  return text.trim() === '' ? undefined : Number(last) + 1;
}
