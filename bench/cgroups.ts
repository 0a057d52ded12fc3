import { mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Creates cgroups in the hierarchy that schedules CPU time and, where it is another, in the unified one, whose ids some
 * variants read. Each is its directories joined by commas.
 */
export function makeCgroups(count: number): { readonly directories: readonly string[]; remove(): void } {
  const roots = hierarchies();
  const made: string[] = [];
  const directories = Array.from({ length: count }, (_, i) =>
    roots
      .map((root) => {
        const directory = join(root, `earshot-bench-${process.pid}-${i}`);
        mkdirSync(directory);
        made.push(directory);
        return directory;
      })
      .join(','),
  );
  return {
    directories,
    remove() {
      for (const directory of made.splice(0)) rmdirSync(directory);
    },
  };
}

function hierarchies(): readonly string[] {
  const roots: string[] = [];
  for (const line of readFileSync('/proc/self/mounts', 'utf8').split('\n')) {
    const [, point, type, options] = line.split(' ');
    if (point && (type === 'cgroup2' || (type === 'cgroup' && options?.split(',').includes('cpu'))))
      roots.push(point);
  }
  if (roots.length === 0) throw new Error('cannot create cgroups: no cgroup hierarchy is mounted');
  return roots;
}
