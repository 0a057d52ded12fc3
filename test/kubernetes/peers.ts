import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildContainerd } from '../lab/build-containerd.ts';
import { goProgram } from '../lab/go-programs.ts';

/** What the node is made of and no distribution packages: built once from published Go modules, kept by version. */

const components = fileURLToPath(new URL('./components', import.meta.url));

/** All Kubernetes components in one program. Some minutes the first time. */
export function kubernetesBinary(): string {
  const required = /^\s+k8s\.io\/kubernetes v(\S+)$/m.exec(readFileSync(join(components, 'go.mod'), 'utf8'));
  return goProgram({ name: 'kubernetes', version: `${required?.[1]}`, sources: components });
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
