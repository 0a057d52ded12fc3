import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Debian's kernels, read by an apt whose sources, lists and cache are ours: the machine's stay as they are. */

export const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'earshot/kernels');

const suites = ['bullseye', 'bookworm', 'bookworm-backports', 'trixie', 'trixie-backports'];
const securitySuites = ['bullseye-security', 'bookworm-security', 'trixie-security'];
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
const listsLastMs = 7 * 86_400_000;
/** A list may name packages that its mirror has no more. */
const attempts = 8;

export interface Kernel {
  /** As asked for, such as `6.1`. */
  readonly series: string;
  /** The package's, such as `6.1.0-56`. */
  readonly version: string;
  readonly image: string;
}

export class DebianKernels {
  readonly #env = { ...process.env, APT_CONFIG: join(cache, 'apt/apt.conf') };
  readonly #packages: readonly string[];
  readonly #listed: number;

  constructor() {
    const stamp = join(cache, 'apt/updated');
    const updated = existsSync(stamp) ? Number(readFileSync(stamp, 'utf8')) : 0;
    if (Date.now() - updated > listsLastMs) {
      this.#configure();
      this.#run('apt-get', ['update', '--quiet']);
      writeFileSync(stamp, String(Date.now()));
    }
    this.#listed = Number(readFileSync(stamp, 'utf8'));
    this.#packages = this.#run('apt-cache', ['pkgnames', 'linux-']).split('\n');
  }

  newest(): string {
    const [first] = kernelPackages(this.#packages, '');
    const series = first && /^\d+\.\d+/.exec(first.version)?.[0];
    if (!series) throw new Error(`cannot find the newest kernel: there is none among ${suites.join(', ')}`);
    return series;
  }

  /** Downloads what is not in the cache, or was put there before the lists that are read now. */
  fetch(series: string): Kernel {
    const folder = join(cache, series);
    const found = join(folder, 'kernel.json');
    if (existsSync(found)) {
      const { listed, ...kernel } = JSON.parse(readFileSync(found, 'utf8')) as Kernel & { listed: number };
      if (listed === this.#listed) return kernel;
    }
    const failures: string[] = [];
    for (const { name, version } of kernelPackages(this.#packages, series).slice(0, attempts)) {
      const fresh = `${folder}.new`;
      rmSync(fresh, { recursive: true, force: true });
      mkdirSync(fresh, { recursive: true });
      try {
        this.#run('apt-get', ['download', '--quiet', name], fresh);
        const [file] = globSync('*.deb', { cwd: fresh });
        this.#run('dpkg-deb', ['-x', file ?? '', '.'], fresh);
        const [image] = globSync(['boot/vmlinuz-*', 'usr/lib/modules/*/vmlinuz', 'lib/modules/*/vmlinuz'], {
          cwd: fresh,
        });
        if (!image) throw new Error(`${name} holds no kernel image`); // from 6.19 on linux-image names others
        renameSync(join(fresh, image), join(fresh, 'vmlinuz'));
        for (const rest of ['boot', 'lib', 'usr', file ?? ''])
          rmSync(join(fresh, rest), { recursive: true, force: true });
        rmSync(folder, { recursive: true, force: true });
        renameSync(fresh, folder);
        const kernel: Kernel = { series, version, image: join(folder, 'vmlinuz') };
        writeFileSync(found, JSON.stringify({ ...kernel, listed: this.#listed }));
        return kernel;
      } catch (error) {
        failures.push((error as Error).message);
      }
    }
    throw new Error(`cannot fetch a kernel ${series}: ${failures.join('; ') || 'no package of this series'}`);
  }

  #configure(): void {
    for (const folder of ['lists/partial', 'cache/archives/partial'])
      mkdirSync(join(cache, 'apt', folder), { recursive: true });
    const { main, security } = mirrors();
    const signed = existsSync(keyring) ? `[signed-by=${keyring}] ` : '';
    const sources = [
      ...suites.map((suite) => `deb ${signed}${main} ${suite} main`),
      ...securitySuites.map((suite) => `deb ${signed}${security} ${suite} main`),
    ];
    writeFileSync(join(cache, 'apt/sources.list'), `${sources.join('\n')}\n`);
    const settings = {
      'Dir::Etc::sourcelist': join(cache, 'apt/sources.list'),
      'Dir::Etc::sourceparts': '-',
      'Dir::State::lists': join(cache, 'apt/lists'),
      'Dir::Cache': join(cache, 'apt/cache'),
      'APT::Sandbox::User': 'root', // the cache may lie where nobody else may write
      'APT::Architecture': 'amd64',
      'Acquire::Languages': 'none',
      'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled': 'false',
    };
    const text = Object.entries(settings).map(([name, value]) => `${name} "${value}";\n`);
    writeFileSync(join(cache, 'apt/apt.conf'), text.join(''));
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

interface KernelPackage {
  readonly name: string;
  readonly version: string;
}

/** Packages that may hold a kernel image of the series (all for ''), newest first. */
export function kernelPackages(names: readonly string[], series: string): readonly KernelPackage[] {
  return names
    .flatMap((name) => {
      const match = /^linux-(?:binary|image)-(\d+\.\d+.*)-cloud-amd64(?:-unsigned)?$/.exec(name);
      const version = match?.[1];
      return version && (series === '' || version.startsWith(`${series}.`)) ? [{ name, version }] : [];
    })
    .sort((a, b) => byVersion(b.version, a.version) || (a.name < b.name ? -1 : 1));
}

function byVersion(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split(/\D+/).map(Number)) as [number[], number[]];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference) return difference;
  }
  return 0;
}
