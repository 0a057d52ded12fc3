import { readFileSync, statSync } from 'node:fs';
import { type CgroupMount, readCgroupMounts } from './mounts.ts';
import { isBelow } from './path/is-below.ts';
import { pathBytes } from './path/path-bytes.ts';

/** The hierarchy whose ids the scheduler programs report: the one that has the cpu controller. */
export interface CpuHierarchy {
  readonly version: 1 | 2;
  /** Of all places where it is mounted, the one that shows most of it. */
  readonly mountPoint: string;
  /** The path of what is mounted there, as the host sees it; undefined: from this cgroup namespace it has none. */
  readonly root: string | undefined;
  readonly mounts: readonly CgroupMount[];
}

/** How this process sees the machine; a test gives its own. */
export interface View {
  /** Where the host's file system is mounted. */
  readonly rootPath: string;
  /** Not in a cgroup namespace of its own, in which paths begin further below. */
  readonly isInitialNamespace: boolean;
  isHierarchyRoot(directory: string): boolean;
}

const longestPath = 4096;

/** Its inode number is fixed (PROC_CGROUP_INIT_INO of the kernel). */
const initialNamespace = 0xef_ff_ff_fb;

export function viewFrom(rootPath: string): View {
  return {
    rootPath,
    isInitialNamespace: inodeOf('/proc/self/ns/cgroup') === BigInt(initialNamespace),
    // the first id that a hierarchy gives away is the one of its root
    isHierarchyRoot: (directory) => inodeOf(directory) === 1n,
  };
}

function inodeOf(path: string): bigint | undefined {
  return statSync(pathBytes(path), { bigint: true, throwIfNoEntry: false })?.ino;
}

/**
 * From what `readMountinfo` gives; a v1 hierarchy with the cpu controller goes before v2, as in the kernel. Of
 * several mounts, one of the whole hierarchy goes before any part of it, and one below `rootPath` before others.
 */
export function findCpuHierarchy(mountinfo: string, view: View = viewFrom('/')): CpuHierarchy | undefined {
  const all = readCgroupMounts(mountinfo);
  const version1 = all.filter(({ controllers }) => controllers.includes('cpu'));
  const mounts = version1.length ? version1 : all.filter(({ version }) => version === 2);
  const [best] = mounts
    .map((mount) => ({ mount, root: pathOnHost(mount, view) }))
    .sort((a, b) => rank(a, view) - rank(b, view));
  if (!best) return undefined;
  const { version, mountPoint } = best.mount;
  return { version, mountPoint, root: best.root, mounts };
}

/** Lower is better. */
function rank(
  { mount, root }: { readonly mount: CgroupMount; readonly root: string | undefined },
  view: View,
) {
  const isElsewhere = isBelow(view.rootPath, mount.mountPoint) ? 0 : 1;
  if (root === '/') return isElsewhere;
  return (root === undefined ? longestPath : root.length) * 2 + isElsewhere;
}

function pathOnHost({ mountPoint, root }: CgroupMount, view: View): string | undefined {
  if (view.isHierarchyRoot(mountPoint)) return '/';
  return view.isInitialNamespace ? root : undefined;
}

/** What of the hierarchy cannot be seen from here, with its remedy; undefined: nothing. */
export function missingFrom(hierarchy: CpuHierarchy | undefined): string | undefined {
  const remedy =
    "mount the host's /sys/fs/cgroup with all that is mounted below it, read-only, into the container " +
    '(`hostPath` of Kubernetes, or `-v /sys/fs/cgroup:/host/sys/fs/cgroup:ro`; its place is found)';
  if (!hierarchy)
    return `no cgroup hierarchy is mounted here: only cgroups in which something happens from now on get names (${remedy})`;
  if (hierarchy.root === '/') return undefined;
  const part = hierarchy.root === undefined ? "the part of this process's cgroup namespace" : hierarchy.root;
  return (
    `${hierarchy.mountPoint} shows only a part of all cgroups, ${part}: of the others only those in which something ` +
    `happens from now on get names (${remedy})`
  );
}

/** A character for each byte. Throws if `/proc` is not there. */
export function readMountinfo(): string {
  return readFileSync('/proc/self/mountinfo', 'latin1');
}
