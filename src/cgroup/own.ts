import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { type CgroupId, cgroupId } from '../telemetry/units.ts';
import type { CgroupMount } from './mounts.ts';
import { pathBytes, pathText } from './path/path-bytes.ts';

/** The cgroup whose quota and weight apply to this process, from the file system. */
export type OwnCgroup =
  | { readonly kind: 'found'; readonly id: CgroupId; readonly directory: string }
  /** It is not visible from here; other cgroups are not affected. */
  | { readonly kind: 'hidden'; readonly reason: string }
  /** The cgroups found are of a hierarchy without the cpu controller. */
  | { readonly kind: 'wrong'; readonly problem: string };

/** `membership` is `/proc/self/cgroup`, a character for each byte; the first of the mounts in which it can be seen counts. */
export function findOwnCgroup(membership: string, mounts: readonly CgroupMount[]): OwnCgroup {
  let first: OwnCgroup | undefined;
  for (const mount of mounts) {
    const own = findIn(membership, mount);
    if (own.kind === 'found') return own;
    first ??= own;
  }
  return first ?? { kind: 'hidden', reason: 'no cgroup hierarchy is mounted here' };
}

function findIn(membership: string, { version, mountPoint, root }: CgroupMount): OwnCgroup {
  const path = pathOf(membership, version);
  if (path === undefined)
    return {
      kind: 'wrong',
      problem:
        `the cpu controller is not in the hierarchy mounted at ${mountPoint}, and cgroups will have no names ` +
        '(mount the one that /proc/self/cgroup has "cpu" for, as a rule at /sys/fs/cgroup/cpu)',
    };
  const below = relative(root, path);
  // seen from within a cgroup namespace, what is above it has no names
  if (`${root}/${path}/${below}/`.includes('/../'))
    return { kind: 'hidden', reason: `${path} is not below what is mounted at ${mountPoint}` };
  const directory = join(mountPoint, below);
  try {
    return version === 1 ? found(directory) : nearestWithController(directory, mountPoint);
  } catch (error) {
    return { kind: 'hidden', reason: (error as Error).message };
  }
}

/** Undefined if another hierarchy has the cpu controller. */
function pathOf(membership: string, version: 1 | 2): string | undefined {
  const lines = pathText(membership)
    .split('\n')
    .map((line) => /^\d+:([^:]*):(.*)$/.exec(line)?.slice(1) ?? []);
  const first = lines.find(([controllers]) => controllers?.split(',').includes('cpu'));
  if (first || version === 1) return version === 1 ? first?.[1] : undefined;
  return lines.find(([controllers]) => controllers === '')?.[1];
}

/** Version 2: where the controller is not enabled, the nearest directory above that has it counts. */
function nearestWithController(leaf: string, mountPoint: string): OwnCgroup {
  for (let directory = leaf; ; directory = dirname(directory)) {
    if (existsSync(pathBytes(join(directory, 'cpu.max')))) return found(directory);
    if (directory === mountPoint) break;
  }
  // the root has neither cpu.max nor cgroup.type
  if (existsSync(pathBytes(join(mountPoint, 'cgroup.type'))))
    return { kind: 'hidden', reason: `the cpu controller is enabled only above ${mountPoint}` };
  const controllers = readFileSync(pathBytes(join(mountPoint, 'cgroup.controllers')), 'utf8')
    .trim()
    .split(' ');
  if (controllers.includes('cpu')) return found(mountPoint);
  return {
    kind: 'wrong',
    problem:
      `${mountPoint}/cgroup.controllers has no "cpu", and cgroups will have no names ` +
      '(boot without cgroup_disable=cpu, or mount the version 1 hierarchy that has the cpu controller)',
  };
}

function found(directory: string): OwnCgroup {
  return { kind: 'found', id: cgroupId(statSync(pathBytes(directory), { bigint: true }).ino), directory };
}
