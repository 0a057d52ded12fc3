import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const checkout = fileURLToPath(new URL('..', import.meta.url));
/** Where `ENTRYPOINT` and `CMD` of the Dockerfile look for them. */
const home = 'opt/earshot';
const node = 'usr/bin/node';

/** Only compilers and people read these. `@types` of a dependency are among them. */
const notRun = /(?:\.map|\.d\.[cm]?ts|\.md)$|node_modules\/(?:@types|undici-types)(?:\/|$)/;

const files: readonly (readonly [path: string, text: string])[] = [
  ['etc/passwd', 'root:x:0:0:root:/:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n'],
  ['etc/group', 'root:x:0:\nnogroup:x:65534:\n'],
  // without it libc asks DNS for what /etc/hosts has
  ['etc/nsswitch.conf', 'hosts: files dns\n'],
];

interface Manifest {
  readonly files: readonly string[];
}

interface Lockfile {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean }>>;
}

/**
 * Lays out all that is in the agent's image below `root`: the files of the npm package, what it depends on, the Node.js of
 * this checkout, and the shared libraries of this machine that it and the addon are linked with. No shell, no package
 * manager. `npm run build` goes before.
 */
export function writeImageRoot(root: string): void {
  const read = <T>(path: string) => JSON.parse(readFileSync(join(checkout, path), 'utf8')) as T;
  const copy = (from: string, to: string) => {
    mkdirSync(dirname(join(root, to)), { recursive: true });
    cpSync(from, join(root, to), {
      recursive: true,
      dereference: true,
      filter: (path) => !notRun.test(path),
    });
  };
  const dependencies = Object.entries(read<Lockfile>('package-lock.json').packages)
    .filter(([path, { dev }]) => path !== '' && !dev)
    .map(([path]) => path);
  const packaged = globSync(read<Manifest>('package.json').files, { cwd: checkout });
  for (const path of ['package.json', 'LICENSES', ...packaged, ...dependencies])
    copy(join(checkout, path), join(home, path));

  const programs = [join(checkout, 'node_modules/node/bin/node'), join(checkout, 'build/earshot.node')];
  copy(programs[0] ?? '', node);
  chmodSync(join(root, node), 0o755);
  for (const library of new Set(programs.flatMap(librariesOf))) copy(library, library);

  for (const directory of ['dev', 'proc', 'sys', 'tmp', 'etc'])
    mkdirSync(join(root, directory), { recursive: true });
  chmodSync(join(root, 'tmp'), 0o1777);
  for (const [path, text] of files) writeFileSync(join(root, path), text);
}

/** As the loader finds them, itself among them: `libz.so.1 => /lib/… (0x…)` and `/lib64/ld-linux… (0x…)`. */
function librariesOf(program: string): readonly string[] {
  const listed = execFileSync('ldd', [program], { encoding: 'utf8' }).split('\n');
  const missing = listed.find((line) => line.includes('not found'));
  if (missing) throw new Error(`cannot find a library of ${program}: ${missing.trim()}`);
  return listed.flatMap((line) => /(?:^|=>)\s*(\/\S+) \(/.exec(line)?.[1] ?? []);
}
