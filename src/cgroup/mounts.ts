import { dirname } from 'node:path';
import { pathText } from './path/path-bytes.ts';

/** A place where a cgroup hierarchy can be seen. */
export interface CgroupMount {
  readonly version: 1 | 2;
  readonly mountPoint: string;
  /** Which of its directories is mounted there, as this process sees them: `/..` is above its cgroup namespace. */
  readonly root: string;
  /** Version 1 only: what it is mounted with. */
  readonly controllers: readonly string[];
}

/** From `/proc/self/mountinfo`, a character for each byte. */
export function readCgroupMounts(mountinfo: string): readonly CgroupMount[] {
  const found = new Map<string, CgroupMount>();
  for (const line of mountinfo.split('\n')) {
    const [mount = '', filesystem = ''] = line.split(' - ');
    const [root = '', mountPoint = ''] = mount.split(' ').slice(3, 5).map(decodePath);
    const [type, , options = ''] = filesystem.split(' ');
    found.delete(mountPoint); // what was mounted there before is hidden now
    if (type === 'cgroup2') found.set(mountPoint, { version: 2, mountPoint, root, controllers: [] });
    else if (type === 'cgroup')
      found.set(mountPoint, { version: 1, mountPoint, root, controllers: options.split(',') });
  }
  return [...found.values()];
}

/**
 * Where another hierarchy shows the same cgroups as the one at `mountPoint`: the same directory of it, mounted beside it
 * where there are several, as in a container that has its own cgroups mounted and the host's.
 */
export function mountBeside(
  mountPoint: string,
  mounts: readonly CgroupMount[],
  isWanted: (mount: CgroupMount) => boolean,
): string | undefined {
  const root = mounts.find((mount) => mount.mountPoint === mountPoint)?.root;
  const wanted = mounts.filter((mount) => isWanted(mount) && mount.root === root);
  const beside = wanted.find((mount) => dirname(mount.mountPoint) === dirname(mountPoint));
  return (beside ?? wanted[0])?.mountPoint;
}

/** Blanks and backslashes are octal in mountinfo. */
function decodePath(path: string): string {
  return pathText(
    path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
  );
}
