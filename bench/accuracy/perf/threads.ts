import { globSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** A cgroup by its path, or what is none. */
export type Party = string;
export const idle: Party = 'idle';
export const kernel: Party = 'kernel';

/** In the flags of a thread: it is the kernel's. */
const kernelThread = 0x0020_0000;

/** Which party each thread belongs to: read once, followed from there by what perf recorded. */
export class Threads {
  readonly #parties: Map<number, Party>;
  readonly #hierarchy: number;

  constructor(hierarchy: number, parties: Iterable<readonly [number, Party]>) {
    this.#hierarchy = hierarchy;
    this.#parties = new Map(parties);
  }

  party(thread: number): Party {
    return thread === 0 ? idle : (this.#parties.get(thread) ?? 'a thread that was not seen to begin');
  }

  fork(parent: number, child: number): void {
    this.#parties.set(child, this.party(parent));
  }

  attach(hierarchy: number, path: Party, thread: number): void {
    if (hierarchy === this.#hierarchy) this.#parties.set(thread, path);
  }
}

/** All threads of the machine, by the hierarchy with the cpu controller. */
export function readThreads(): Threads {
  const own = cpuLine(readFileSync('/proc/self/cgroup', 'utf8'));
  const parties: [number, Party][] = [];
  for (const file of globSync('/proc/[0-9]*/task/[0-9]*/cgroup'))
    try {
      const directory = dirname(file);
      const stat = readFileSync(`${directory}/stat`, 'utf8');
      const flags = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[6]);
      const party = flags & kernelThread ? kernel : cpuLine(readFileSync(file, 'utf8')).path;
      parties.push([Number(directory.slice(directory.lastIndexOf('/') + 1)), party]);
    } catch {
      // has ended meanwhile
    }
  return new Threads(own.hierarchy, parties);
}

/** Number and path: of version 1 where that has the cpu controller, otherwise of version 2. */
export function cpuLine(text: string): { readonly hierarchy: number; readonly path: Party } {
  const lines = text
    .trimEnd()
    .split('\n')
    .map((line) => /^(\d+):([^:]*):(.*)$/.exec(line));
  const line = lines.find((of) => of?.[2]?.split(',').includes('cpu')) ?? lines.find((of) => of?.[1] === '0');
  if (!line) throw new Error('cannot read /proc/self/cgroup: no hierarchy has the cpu controller');
  return { hierarchy: Number(line[1]), path: line[3] ?? '' };
}
