import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { builtOnce } from './built-once.ts';

interface GoProgram {
  readonly name: string;
  /** A build is kept by name and version: other sources need another one. */
  readonly version: string;
  /** Folder with a Go module. */
  readonly sources: string;
  /** What is built; absent: the module's own program. */
  readonly package?: string;
}

/** The file of a program, built once. Needs Go, 1.26 or newer. */
export function goProgram(program: GoProgram): string {
  const { name, version } = program;
  const folder = builtOnce(`${name}-${version}`, (fresh) => {
    console.log(`building ${name} ${version}`);
    goBuild(program, join(fresh, name));
  });
  return join(folder, name);
}

function goBuild({ name, sources, package: target = '.' }: GoProgram, output: string): void {
  try {
    execFileSync('go', ['build', '-o', output, target], {
      cwd: sources,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const reason = isMissing ? 'go is not installed; 1.26 or newer is needed' : 'go failed, see above';
    throw new Error(`cannot build ${name}: ${reason}`, { cause });
  }
}
