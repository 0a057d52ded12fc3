import { mountBeside, readCgroupMounts } from '../mounts.ts';
import type { CgroupFiles } from './files.ts';
import { CgroupFilesV1 } from './v1.ts';
import { CgroupFilesV2 } from './v2.ts';

interface CgroupMountPoint {
  readonly version: 1 | 2;
  readonly mountPoint: string;
  /** The path of what is mounted there, as the host sees it. */
  readonly root: string;
}

/**
 * The control files of the cgroups of a hierarchy with the cpu controller; `mountinfo` is what
 * `readMountinfo` gives.
 */
export function openCgroupFiles(
  { version, mountPoint, root }: CgroupMountPoint,
  mountinfo: string,
): CgroupFiles {
  if (version === 2) return new CgroupFilesV2(mountPoint, root);
  const mounts = readCgroupMounts(mountinfo);
  const withController = (name: string) =>
    mountBeside(mountPoint, mounts, ({ controllers }) => controllers.includes(name));
  return new CgroupFilesV1(
    {
      cpu: mountPoint,
      cpuacct: withController('cpuacct'),
      cpuset: withController('cpuset'),
      unified: mountBeside(mountPoint, mounts, (mount) => mount.version === 2),
    },
    root,
  );
}
