import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type CgroupId, cgroupId } from '../telemetry/units.ts';
import type { CpuHierarchy } from './hierarchy.ts';
import { isBelow } from './path/is-below.ts';
import { pathBytes, pathText } from './path/path-bytes.ts';

/** Cgroups that exist, by a look at their directories. */
export interface Scan {
  readonly cgroups: ReadonlyMap<CgroupId, string>;
  /** Directories that could not be looked at. */
  readonly unreadable: number;
  /** Whether a cgroup of this path would be in `cgroups` if it existed. */
  covers(path: string): boolean;
}

/** Undefined: nothing can be seen from here whose path is known. */
export function scanCgroups(hierarchy: CpuHierarchy | undefined): Scan | undefined {
  if (hierarchy?.root === undefined) return undefined;
  const { root, mountPoint } = hierarchy;
  const cgroups = new Map<CgroupId, string>();
  const unreadable: string[] = [];
  const visit = (directory: string, path: string) => {
    try {
      const file = pathBytes(directory);
      const { ino, nlink } = statSync(file, { bigint: true });
      cgroups.set(cgroupId(ino), path);
      if (nlink === 2n) return; // its name and itself: no directory is below
      for (const entry of readdirSync(file, { withFileTypes: true, encoding: 'latin1' })) {
        if (!entry.isDirectory()) continue;
        const name = pathText(entry.name);
        visit(join(directory, name), join(path, name));
      }
    } catch (error) {
      // between the listing and the look it may have been removed, but not what is mounted
      if (path === root || !isGone(error)) unreadable.push(path);
    }
  };
  visit(mountPoint, root);
  return {
    cgroups,
    unreadable: unreadable.length,
    covers: (path) => isBelow(root, path) && !unreadable.some((hidden) => isBelow(hidden, path)),
  };
}

function isGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENODEV';
}
