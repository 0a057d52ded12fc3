import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Ids of what BPF has in the kernel: never given twice. */
export interface KernelObjects {
  readonly prog: ReadonlySet<number>;
  readonly map: ReadonlySet<number>;
  readonly link: ReadonlySet<number>;
}

const kinds = ['prog', 'map', 'link'] as const;

/** What a process has descriptors of. */
export function heldBy(pid: number): KernelObjects {
  const held = { prog: new Set<number>(), map: new Set<number>(), link: new Set<number>() };
  const directory = `/proc/${pid}/fdinfo`;
  for (const descriptor of readdirSync(directory)) {
    const text = read(`${directory}/${descriptor}`);
    // a link also says which program it holds
    for (const kind of kinds)
      for (const [, id] of text.matchAll(new RegExp(`^${kind}_id:\\s*(\\d+)$`, 'gm')))
        held[kind].add(Number(id));
  }
  return held;
}

/** The descriptor that reads the directory is gone by then. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** Which of them are in the kernel now. */
export function existing(objects: KernelObjects): readonly string[] {
  return kinds.flatMap((kind) => {
    const ids = idsOf(kind);
    return [...objects[kind]].filter((id) => ids.has(id)).map((id) => `${kind} ${id}`);
  });
}

/** Which of them stay: the kernel frees a program some grace periods after its last descriptor. */
export async function leftOf(objects: KernelObjects): Promise<readonly string[]> {
  let left = existing(objects);
  for (let attempt = 0; left.length && attempt < 200; attempt++) {
    await sleep(20);
    left = existing(objects);
  }
  return left;
}

function idsOf(kind: (typeof kinds)[number]): ReadonlySet<number> {
  const { stdout, stderr } = spawnSync('/usr/sbin/bpftool', ['-j', kind, 'show'], { encoding: 'utf8' });
  try {
    return new Set((JSON.parse(stdout) as readonly { readonly id: number }[]).map(({ id }) => id));
  } catch (cause) {
    throw new Error(`cannot list BPF objects: ${stderr || stdout}`, { cause });
  }
}
