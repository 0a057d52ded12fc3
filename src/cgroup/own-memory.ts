import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { type Bytes, bytes } from '../telemetry/units.ts';
import { readControlFile } from './files/control-file.ts';
import { type CgroupMount, readCgroupMounts } from './mounts.ts';
import { pathText } from './path/path-bytes.ts';

/** How much memory this process may take. */
export interface OwnMemory {
  readonly total: Bytes;
  /** Whose limit it is. */
  readonly of: 'cgroup' | 'machine';
}

/** The least of the limits of its cgroup, of all above that can be seen, and of the machine's memory. */
export function readOwnMemory(): OwnMemory {
  const read = (name: string) => readFileSync(`/proc/self/${name}`, 'latin1');
  return ownMemory({ membership: read('cgroup'), mountinfo: read('mountinfo'), machine: bytes(totalmem()) });
}

interface Surroundings {
  /** `/proc/self/cgroup` and `/proc/self/mountinfo`, a character for each byte. */
  readonly membership: string;
  readonly mountinfo: string;
  readonly machine: Bytes;
}

export function ownMemory({ membership, mountinfo, machine }: Surroundings): OwnMemory {
  const limits = readCgroupMounts(mountinfo).flatMap((mount) => limitsIn(mount, pathText(membership)));
  const least = Math.min(...limits);
  return least < machine ? { total: bytes(least), of: 'cgroup' } : { total: machine, of: 'machine' };
}

function limitsIn(
  { version, mountPoint, root, controllers }: CgroupMount,
  membership: string,
): readonly number[] {
  if (version === 1 && !controllers.includes('memory')) return [];
  const path = membership
    .split('\n')
    .map((line) => /^\d+:([^:]*):(.*)$/.exec(line)?.slice(1) ?? [])
    .find(([names = '']) => (version === 1 ? names.split(',').includes('memory') : names === ''))?.[1];
  if (path === undefined) return [];
  const below = relative(root, path);
  // above a cgroup namespace nothing has a name here
  if (`${root}/${path}/${below}/`.includes('/../')) return [];
  const file = version === 1 ? 'memory.limit_in_bytes' : 'memory.max';
  const limits: number[] = [];
  for (let directory = join(mountPoint, below); ; directory = dirname(directory)) {
    const limit = Number.parseInt(readControlFile(join(directory, file)) ?? '', 10);
    if (limit >= 0) limits.push(limit); // `max` is no number
    if (directory === mountPoint || directory === '/') return limits;
  }
}
