import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cached } from '../lab/built-once.ts';

/** Outside of the repository: what is downloaded for virtual machines. */
export const cache = cached('kernels');

export const suites = ['bullseye', 'bookworm', 'bookworm-backports', 'trixie', 'trixie-backports'];
const securitySuites = ['bullseye-security', 'bookworm-security', 'trixie-security'];
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
const listsLastMs = 7 * 86_400_000;

/** Debian's name of an architecture. */
export type Architecture = 'amd64' | 'arm64';

/** Debian's packages, read by an apt whose sources, lists and cache are ours: the machine's stay as they are. */
export class DebianApt {
  readonly architecture: Architecture;
  /** When its lists were read, UNIX time in ms. */
  readonly listed: number;
  readonly #folder: string;
  readonly #env: NodeJS.ProcessEnv;

  constructor(architecture: Architecture) {
    this.architecture = architecture;
    this.#folder = join(cache, architecture === 'amd64' ? 'apt' : `apt-${architecture}`);
    this.#env = { ...process.env, APT_CONFIG: join(this.#folder, 'apt.conf') };
    const stamp = join(this.#folder, 'updated');
    const updated = existsSync(stamp) ? Number(readFileSync(stamp, 'utf8')) : 0;
    if (Date.now() - updated > listsLastMs) {
      this.#configure();
      this.#run('apt-get', ['update', '--quiet']);
      writeFileSync(stamp, String(Date.now()));
    }
    this.listed = Number(readFileSync(stamp, 'utf8'));
  }

  names(prefix: string): readonly string[] {
    return this.#run('apt-cache', ['pkgnames', prefix]).split('\n');
  }

  /** Downloads a package and lays its files out in a folder. */
  unpack(name: string, folder: string): void {
    this.#run('apt-get', ['download', '--quiet', name], folder);
    this.#extract(folder, folder);
  }

  /** The same with all that the packages need, as for a machine that has none. */
  unpackWithDependencies(names: readonly string[], folder: string): void {
    const archives = join(this.#folder, 'cache/archives');
    this.#run('apt-get', [
      'install',
      '--quiet',
      '--yes',
      '--download-only',
      '--no-install-recommends',
      ...names,
    ]);
    this.#extract(archives, folder);
  }

  #extract(archives: string, folder: string): void {
    for (const file of globSync('*.deb', { cwd: archives })) {
      this.#run('dpkg-deb', ['-x', join(archives, file), folder]);
      rmSync(join(archives, file));
    }
  }

  #configure(): void {
    for (const folder of ['lists/partial', 'cache/archives/partial'])
      mkdirSync(join(this.#folder, folder), { recursive: true });
    const { main, security } = mirrors();
    const signed = existsSync(keyring) ? `[signed-by=${keyring}] ` : '';
    const sources = [
      ...suites.map((suite) => `deb ${signed}${main} ${suite} main`),
      ...securitySuites.map((suite) => `deb ${signed}${security} ${suite} main`),
    ];
    writeFileSync(join(this.#folder, 'sources.list'), `${sources.join('\n')}\n`);
    writeFileSync(join(this.#folder, 'status'), '');
    const settings = {
      'Dir::Etc::sourcelist': join(this.#folder, 'sources.list'),
      'Dir::Etc::sourceparts': '-',
      'Dir::State::lists': join(this.#folder, 'lists'),
      'Dir::State::status': join(this.#folder, 'status'), // nothing is installed
      'Dir::Cache': join(this.#folder, 'cache'),
      'APT::Sandbox::User': 'root', // the cache may lie where other users may not write
      'APT::Architecture': this.architecture,
      'APT::Architectures': this.architecture,
      'Acquire::Languages': 'none',
      'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled': 'false',
    };
    const text = Object.entries(settings).map(([name, value]) => `${name} "${value}";\n`);
    writeFileSync(join(this.#folder, 'apt.conf'), text.join(''));
  }

  #run(command: string, args: readonly string[], cwd = cache): string {
    const { status, stdout, stderr, error } = spawnSync(command, args, {
      cwd,
      env: this.#env,
      encoding: 'utf8',
      maxBuffer: 64 * 2 ** 20,
      timeout: 300_000,
    });
    if (status === 0) return stdout;
    const reason = error?.message ?? stderr.trim().split('\n').at(-1);
    throw new Error(`cannot run ${command} ${args.join(' ')}: ${reason}`);
  }
}

/** Where this machine has its Debian packages from, for a mirror near it is the one that can be reached. */
function mirrors(): { readonly main: string; readonly security: string } {
  const { stdout } = spawnSync(
    'apt-get',
    ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages'],
    {
      encoding: 'utf8',
    },
  );
  const used = (stdout ?? '').split('\n');
  return {
    main: used.find((uri) => /\/debian\/?$/.test(uri)) ?? 'http://deb.debian.org/debian/',
    security:
      used.find((uri) => /\/debian-security\/?$/.test(uri)) ?? 'http://deb.debian.org/debian-security/',
  };
}
