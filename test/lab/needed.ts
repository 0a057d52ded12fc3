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

/** The file of a program of the operating system; without it a test fails. */
export function installed(program: string): string {
  const file = find(program);
  if (file === undefined) throw new Error(`cannot run without ${program}: it is not installed`);
  return file;
}

const isInstalled = (program: string) => find(program) !== undefined;

function find(program: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders
    .map((folder) => join(folder, program))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false; // not here
      }
    });
}
