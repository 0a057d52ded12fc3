import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Everything is mounted as on a node with cgroup v2 alone; results leave by the second serial line. */
const init = `#!/bin/sh
export PATH=/bin HOME=/tmp
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/shm
mount -t tmpfs tmp /dev/shm
mount -t cgroup2 none /sys/fs/cgroup
mount -t bpf bpf /sys/fs/bpf
mount -t tracefs trace /sys/kernel/tracing
echo +cpu > /sys/fs/cgroup/cgroup.subtree_control
ip link set lo up
stty -F /dev/ttyS1 raw
cd /earshot && node --no-warnings test/vm/guest.js
echo "guest ended with $?"
poweroff -f
`;

/** The tests, Node.js, and all they need, in a cpio archive at `folder`/initramfs. */
export function buildInitramfs(folder: string): string {
  const tree = join(folder, 'root');
  for (const directory of ['bin', 'proc', 'sys', 'dev', 'tmp', 'run', 'earshot'])
    mkdirSync(join(tree, directory), { recursive: true });
  run('node_modules/node/bin/node', [
    'node_modules/typescript/bin/tsc',
    '-p',
    'test/vm/tsconfig.guest.json',
    '--outDir',
    join(tree, 'earshot'),
  ]);
  for (const file of [
    'package.json',
    'build/earshot.node',
    'build/markers.bpf.o',
    'build/scheduler.bpf.o',
    'build/bench/pingpong',
    'build/bench/messages',
    ...globSync('build/test/*', { cwd: root, exclude: ['build/test/*.d'] }),
    'test/unit/fixtures/tls/cert.pem',
    'test/unit/fixtures/tls/key.pem',
  ]) {
    mkdirSync(dirname(join(tree, 'earshot', file)), { recursive: true });
    copyFileSync(join(root, file), join(tree, 'earshot', file));
  }
  for (const folder of dependencies())
    cpSync(join(root, folder), join(tree, 'earshot', folder), { recursive: true, filter: isLoaded });
  const programs = {
    busybox: findProgram('busybox'),
    node: join(root, 'node_modules/node/bin/node'),
    'stress-ng': findProgram('stress-ng'),
  };
  for (const [name, file] of Object.entries(programs)) cpSync(realpathSync(file), join(tree, 'bin', name));
  for (const applet of run(programs.busybox, ['--list']).trim().split('\n'))
    if (!(applet in programs)) symlinkSync('busybox', join(tree, 'bin', applet));
  for (const file of [programs.node, programs['stress-ng'], join(root, 'build/earshot.node')])
    copyLibraries(file, tree);
  writeFileSync(join(tree, 'init'), init);
  chmodSync(join(tree, 'init'), 0o755);
  const archive = join(folder, 'initramfs');
  run('sh', ['-c', `cd "$1" && find . | "$2" cpio -o -H newc > "$3"`, 'sh', tree, programs.busybox, archive]);
  return archive;
}

/** What the agent needs from npm, and the tests beside it: the protocol's definitions. */
function dependencies(): readonly string[] {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, { readonly dev?: boolean }>>;
  };
  const folders = Object.keys(packages).filter((folder) => folder !== '' && !packages[folder]?.dev);
  return [...folders, 'node_modules/otlp-definitions'].filter((folder) => existsSync(join(root, folder)));
}

/** Not the declarations and source maps, which are most of it. */
function isLoaded(file: string): boolean {
  return !/\.(?:[cm]?ts|map|md)$/.test(file);
}

/** Each at the path where the dynamic linker found it. */
function copyLibraries(program: string, tree: string): void {
  for (const [, library = ''] of run('ldd', [program]).matchAll(/(?:=> |^\s*)(\/\S+) \(/gm)) {
    const copy = join(tree, library);
    if (existsSync(copy)) continue;
    mkdirSync(dirname(copy), { recursive: true });
    copyFileSync(library, copy);
  }
}

function findProgram(name: string): string {
  return run('sh', ['-c', 'command -v "$1"', 'sh', name]).trim();
}

function run(command: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: root, encoding: 'utf8' });
  if (status === 0) return stdout;
  throw new Error(`cannot run ${command} ${args.join(' ')}: ${error?.message ?? stderr + stdout}`);
}
