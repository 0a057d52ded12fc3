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
import { type Platform, root, run, x64 } from './platform.ts';

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
stty -F $EARSHOT_PORT raw
cd /earshot && node --no-warnings test/vm/guest.js
echo "guest ended with $?"
poweroff -f
`;

/** The tests, Node.js, and all they need, in a cpio archive at `folder`/initramfs. */
export function buildInitramfs(folder: string, platform = x64): string {
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
  for (const file of ['package.json', 'test/unit/fixtures/tls/cert.pem', 'test/unit/fixtures/tls/key.pem'])
    copy(join(root, file), join(tree, 'earshot', file));
  for (const file of builtFiles(platform))
    copy(join(root, platform.build, file), join(tree, 'earshot/build', file)); // wherever it was built
  for (const folder of dependencies())
    cpSync(join(root, folder), join(tree, 'earshot', folder), { recursive: true, filter: isLoaded });
  const programs = (['busybox', 'node', 'stress-ng', 'bpftool'] as const).map(
    (name) => [name, realpathSync(platform.program(name))] as const,
  );
  for (const [name, file] of programs) cpSync(file, join(tree, 'bin', name));
  for (const applet of run(x64.program('busybox'), ['--list']).trim().split('\n'))
    if (!existsSync(join(tree, 'bin', applet))) symlinkSync('busybox', join(tree, 'bin', applet));
  const linked = programs.filter(([name]) => name !== 'busybox').map(([, file]) => file); // that one is static
  for (const file of [...linked, join(root, platform.build, 'earshot.node')])
    copyLibraries(platform.libraries(file), tree);
  writeFileSync(join(tree, 'init'), init);
  chmodSync(join(tree, 'init'), 0o755);
  const archive = join(folder, 'initramfs');
  run('sh', [
    '-c',
    `cd "$1" && find . | "$2" cpio -o -H newc > "$3"`,
    'sh',
    tree,
    x64.program('busybox'),
    archive,
  ]);
  return archive;
}

function builtFiles({ build }: Platform): readonly string[] {
  const patterns = ['earshot.node', '*.bpf.o', 'bench/pingpong', 'bench/messages', 'test/*'];
  return globSync(patterns, { cwd: join(root, build), exclude: ['test/*.d'] });
}

function copy(file: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(file, to);
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

/** Each at the path where the dynamic linker looks for it. */
function copyLibraries(libraries: ReadonlyMap<string, string>, tree: string): void {
  for (const [path, library] of libraries) if (!existsSync(join(tree, path))) copy(library, join(tree, path));
}
