import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * Why tests with these programs cannot run, for `skip`; false: all are there. With CI=true in the environment, what
 * cannot be run has failed.
 */
export function lacks(...programs: readonly string[]): string | false {
  const missing = programs.filter((program) => !isInstalled(program));
  if (missing.length === 0) return false;
  const reason = `cannot run without ${missing.join(', ')}`;
  if (process.env.CI === 'true') throw new Error(reason);
  return reason;
}

function isInstalled(program: string): boolean {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false; // not here
    }
  });
}
