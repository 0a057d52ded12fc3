import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { builtOnce } from './built-once.ts';

/** The file of a program built, once, from a folder with a Go module. Needs Go, 1.26 or newer. */
export function goProgram(name: string, version: string, sources: string): string {
  const folder = builtOnce(`${name}-${version}`, (fresh) => {
    console.log(`building ${name} ${version}`);
    goBuild(name, sources, join(fresh, name));
  });
  return join(folder, name);
}

function goBuild(name: string, sources: string, output: string): void {
  try {
    execFileSync('go', ['build', '-o', output, '.'], {
      cwd: sources,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const reason = isMissing ? 'go is not installed; 1.26 or newer is needed' : 'go failed, see above';
    throw new Error(`cannot build ${name}: ${reason}`, { cause });
  }
}
