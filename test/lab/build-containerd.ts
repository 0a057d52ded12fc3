/**
 * Builds a containerd newer than the distribution's, once: about 90 s on two cores the first time, nothing afterwards.
 *
 *   test/lab/build-containerd.ts    prints the folder with containerd, its shim and ctr
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { builtOnce, cached } from './built-once.ts';

export const newContainerdVersion = '2.4.2';

const name = `containerd-${newContainerdVersion}`;

export const newContainerdFolder = cached(name);

/** Why tests with it cannot run, for `skip`; false: it is there. With CI=true, what cannot be run has failed. */
export function lacksNewContainerd(): string | false {
  if (existsSync(newContainerdFolder)) return false;
  const reason = `cannot run without containerd ${newContainerdVersion}: test/lab/build-containerd.ts builds it`;
  if (process.env.CI === 'true') throw new Error(reason);
  return reason;
}

/** The folder of the programs, built unless it is there. Needs Go, 1.26 or newer. */
export const buildContainerd = (): string => builtOnce(name, installContainerd);

function installContainerd(folder: string): void {
  const programs = ['containerd', 'containerd-shim-runc-v2', 'ctr'].map(
    (program) => `github.com/containerd/containerd/v2/cmd/${program}@v${newContainerdVersion}`,
  );
  const { status, stderr, error } = spawnSync('go', ['install', ...programs], {
    env: { ...process.env, GOBIN: folder, CGO_ENABLED: '0' },
    encoding: 'utf8',
    timeout: 900_000,
  });
  if (status === 0) return;
  const reason = error?.message ?? stderr.trim().split('\n').at(-1);
  throw new Error(`cannot build containerd ${newContainerdVersion}: ${reason}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  try {
    console.log(buildContainerd());
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 1;
  }
