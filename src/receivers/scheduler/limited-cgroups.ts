import type { CgroupFiles } from '../../cgroup/files/files.ts';

/** How many cgroups a quota can throttle: their own, or one above. All of them where that cannot be read. */
export function countLimited(paths: readonly string[], files: Pick<CgroupFiles, 'cpu'> | undefined): number {
  if (!files) return paths.length;
  const withQuota = new Set(paths.filter((path) => hasQuota(path, files)));
  return paths.filter((path) => isAtOrBelow(path, withQuota)).length;
}

function hasQuota(path: string, files: Pick<CgroupFiles, 'cpu'>): boolean {
  try {
    return files.cpu(path)?.quota !== undefined;
  } catch {
    return true; // it is only a matter of size
  }
}

function isAtOrBelow(path: string, some: ReadonlySet<string>): boolean {
  for (let at = path; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) if (some.has(at)) return true;
  return false;
}
