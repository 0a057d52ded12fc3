import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildContainerd } from '../lab/build-containerd.ts';

/** What the node is made of and no distribution packages: built once from published Go modules, kept by version. */

const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'earshot');
const components = fileURLToPath(new URL('./components', import.meta.url));

/** All Kubernetes components in one program. Some minutes the first time. */
export function kubernetesBinary(): string {
  const required = /^\s+k8s\.io\/kubernetes v(\S+)$/m.exec(readFileSync(join(components, 'go.mod'), 'utf8'));
  const file = join(cache, `kubernetes-${required?.[1]}`, 'kubernetes');
  return built(file, (folder) => goBuild(join(folder, 'kubernetes')));
}

export interface ContainerRuntime {
  readonly containerd: string;
  readonly ctr: string;
}

/** `1`: the distribution's, without an event stream. `2`: of today, with one. */
export type ContainerdMajor = '1' | '2';

export function containerRuntime(major: ContainerdMajor): ContainerRuntime {
  if (major === '1') return { containerd: installed('containerd'), ctr: installed('ctr') };
  const folder = buildContainerd();
  return { containerd: join(folder, 'containerd'), ctr: join(folder, 'ctr') };
}

/** A program of the operating system. */
export function installed(command: string): string {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin'];
  const found = folders.map((folder) => join(folder, command)).find((file) => existsSync(file));
  if (found === undefined) throw new Error(`cannot bring up a node: ${command} is not installed`);
  return found;
}

/** Whole or not at all: a build that was cut short leaves nothing that looks finished. */
function built(file: string, build: (folder: string) => void): string {
  if (existsSync(file)) return file;
  const folder = dirname(file);
  console.log(`building ${folder}`);
  mkdirSync(cache, { recursive: true });
  const fresh = mkdtempSync(`${folder}.`);
  try {
    build(fresh);
    rmSync(folder, { recursive: true, force: true });
    renameSync(fresh, folder);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    throw error;
  }
  return file;
}

function goBuild(output: string): void {
  try {
    execFileSync('go', ['build', '-o', output, '.'], {
      cwd: components,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const reason = isMissing ? 'go is not installed; 1.26 or newer is needed' : 'go failed, see above';
    throw new Error(`cannot build Kubernetes: ${reason}`, { cause });
  }
}
