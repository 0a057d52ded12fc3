import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type CgroupId, cgroupId } from '../telemetry/units.ts';
import type { CgroupChange, Cgroups } from './cgroups.ts';

/** The hierarchy whose ids the scheduler programs report: the one that has the cpu controller. */
export interface CpuHierarchy {
  readonly version: 1 | 2;
  readonly mountPoint: string;
  /** Which of its directories is mounted there, as this process sees them: `/` unless it is in a container. */
  readonly root: string;
}

/** From the text of `/proc/self/mountinfo`; a v1 hierarchy with the cpu controller goes before v2, as in the kernel. */
export function findCpuHierarchy(mountinfo: string): CpuHierarchy | undefined {
  let unified: CpuHierarchy | undefined;
  for (const line of mountinfo.split('\n')) {
    const [mount = '', filesystem = ''] = line.split(' - ');
    const [root = '', mountPoint = ''] = mount.split(' ').slice(3, 5).map(decodeOctal);
    const [type, , options = ''] = filesystem.split(' ');
    if (type === 'cgroup' && options.split(',').includes('cpu')) return { version: 1, mountPoint, root };
    if (type === 'cgroup2') unified ??= { version: 2, mountPoint, root };
  }
  return unified;
}

/** Blanks and backslashes are octal in mountinfo. */
function decodeOctal(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

export interface CgroupTreeOptions {
  /** Ids remembered, removed cgroups included; the ones learnt first are forgotten first. */
  readonly limit: number;
  /** An id nobody told of is looked for by another scan, but not more often than this. */
  readonly rescanAfterMs: number;
  /** In ms, monotonic. */
  readonly now: () => number;
}

/** Ids and paths of a mounted cgroup hierarchy: one scan at first use, then what the kernel's events tell. */
export class CgroupTree implements Cgroups {
  readonly #root: string | undefined;
  readonly #options: CgroupTreeOptions;
  readonly #paths = new Map<CgroupId, string>();
  readonly #removed = new Set<CgroupId>();
  #scannedAt = Number.NEGATIVE_INFINITY;

  constructor(root: string | undefined, options: CgroupTreeOptions) {
    this.#root = root;
    this.#options = options;
  }

  path(id: CgroupId): string | undefined {
    const known = this.#paths.get(id);
    if (known !== undefined || this.#root === undefined) return known;
    const now = this.#options.now();
    if (now - this.#scannedAt < this.#options.rescanAfterMs) return undefined;
    this.#scannedAt = now;
    this.#scan(this.#root, '/');
    return this.#paths.get(id);
  }

  *living() {
    for (const [id, path] of this.#paths) if (!this.#removed.has(id)) yield { id, path };
  }

  learn({ kind, id, path }: CgroupChange): void {
    this.#paths.set(id, path);
    if (kind === 'removed') this.#removed.add(id);
    else this.#removed.delete(id);
    if (this.#paths.size > this.#options.limit) {
      const [oldest] = this.#paths.keys();
      if (oldest !== undefined) {
        this.#paths.delete(oldest);
        this.#removed.delete(oldest);
      }
    }
  }

  #scan(root: string, path: string): void {
    const directory = join(root, path);
    try {
      this.learn({ kind: 'seen', id: cgroupId(statSync(directory, { bigint: true }).ino), path });
      for (const entry of readdirSync(directory, { withFileTypes: true }))
        if (entry.isDirectory()) this.#scan(root, join(path, entry.name));
    } catch {
      // removed between the listing and the look: its own rmdir event says so
    }
  }
}

/** Throws if `/proc` is not there. */
export function readMountinfo(): string {
  return readFileSync('/proc/self/mountinfo', 'utf8');
}
