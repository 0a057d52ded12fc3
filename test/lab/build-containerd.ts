/**
 * Builds a containerd newer than the distribution's, once: about 90 s on two cores the first time, nothing afterwards.
 *
 *   test/lab/build-containerd.ts    prints the folder with containerd, its shim and ctr
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const newContainerdVersion = '2.4.2';

const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'earshot');
const programs = ['containerd', 'containerd-shim-runc-v2', 'ctr'];

export const newContainerdFolder = join(cache, `containerd-${newContainerdVersion}`);

function hasNewContainerd(): boolean {
  return programs.every((program) => existsSync(join(newContainerdFolder, program)));
}

/** Why tests with it cannot run, for `skip`; false: it is there. With CI=true, what cannot be run has failed. */
export function lacksNewContainerd(): string | false {
  if (hasNewContainerd()) return false;
  const reason = `cannot run without containerd ${newContainerdVersion}: test/lab/build-containerd.ts builds it`;
  if (process.env.CI === 'true') throw new Error(reason);
  return reason;
}

/** The folder of the programs, built unless it is there. Needs Go, 1.26 or newer. */
export function buildContainerd(): string {
  if (hasNewContainerd()) return newContainerdFolder;
  mkdirSync(cache, { recursive: true });
  const fresh = mkdtempSync(`${newContainerdFolder}.`);
  try {
    const { status, stderr, error } = spawnSync(
      'go',
      [
        'install',
        ...programs.map(
          (program) => `github.com/containerd/containerd/v2/cmd/${program}@v${newContainerdVersion}`,
        ),
      ],
      { env: { ...process.env, GOBIN: fresh, CGO_ENABLED: '0' }, encoding: 'utf8', timeout: 900_000 },
    );
    if (status !== 0) {
      const reason = error?.message ?? stderr.trim().split('\n').at(-1);
      throw new Error(`cannot build containerd ${newContainerdVersion}: ${reason}`);
    }
    if (hasNewContainerd()) return newContainerdFolder; // another build was quicker
    rmSync(newContainerdFolder, { recursive: true, force: true });
    renameSync(fresh, newContainerdFolder);
    return newContainerdFolder;
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  try {
    console.log(buildContainerd());
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 1;
  }
