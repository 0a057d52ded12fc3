import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Architecture, cache, type DebianApt, suites } from './debian-apt.ts';

/** A list may name packages that its mirror has no more. */
const attempts = 16;

export interface Kernel {
  /** As asked for, such as `6.1`, or `6.1-rt` with PREEMPT_RT. */
  readonly series: string;
  /** The package's, such as `6.1.0-56`. */
  readonly version: string;
  readonly image: string;
}

/** Debian's kernels of one architecture. */
export class DebianKernels {
  readonly #apt: DebianApt;
  readonly #folder: string;
  readonly #packages: readonly string[];

  constructor(apt: DebianApt) {
    this.#apt = apt;
    this.#folder = apt.architecture === 'amd64' ? cache : join(cache, apt.architecture);
    this.#packages = apt.names('linux-');
  }

  newest(): string {
    const [first] = kernelPackages(this.#packages, '', this.#apt.architecture);
    const series = first && /^\d+\.\d+/.exec(first.version)?.[0];
    if (!series) throw new Error(`cannot find the newest kernel: there is none among ${suites.join(', ')}`);
    return series;
  }

  /** Downloads what is not in the cache, or was put there before the lists that are read now. */
  fetch(series: string): Kernel {
    const folder = join(this.#folder, series);
    const found = join(folder, 'kernel.json');
    const { listed } = this.#apt;
    if (existsSync(found)) {
      const { listed: then, ...kernel } = JSON.parse(readFileSync(found, 'utf8')) as Kernel & {
        listed: number;
      };
      if (then === listed) return kernel;
    }
    const failures: string[] = [];
    for (const { name, version } of kernelPackages(this.#packages, series, this.#apt.architecture).slice(
      0,
      attempts,
    )) {
      const fresh = `${folder}.new`;
      rmSync(fresh, { recursive: true, force: true });
      mkdirSync(fresh, { recursive: true });
      try {
        this.#apt.unpack(name, fresh);
        const [image] = globSync(['boot/vmlinuz-*', 'usr/lib/modules/*/vmlinuz', 'lib/modules/*/vmlinuz'], {
          cwd: fresh,
        });
        if (!image) throw new Error(`${name} holds no kernel image`); // from 6.19 on linux-image names others
        renameSync(join(fresh, image), join(fresh, 'vmlinuz'));
        for (const rest of ['boot', 'lib', 'usr'])
          rmSync(join(fresh, rest), { recursive: true, force: true });
        rmSync(folder, { recursive: true, force: true });
        renameSync(fresh, folder);
        const kernel: Kernel = { series, version, image: join(folder, 'vmlinuz') };
        writeFileSync(found, JSON.stringify({ ...kernel, listed }));
        return kernel;
      } catch (error) {
        failures.push((error as Error).message);
      }
    }
    throw new Error(`cannot fetch a kernel ${series}: ${failures.join('; ') || 'no package of this series'}`);
  }
}

interface KernelPackage {
  readonly name: string;
  readonly version: string;
}

/** Packages that may hold a kernel image of the series (all for ''), newest first. */
export function kernelPackages(
  names: readonly string[],
  series: string,
  architecture: Architecture,
): readonly KernelPackage[] {
  const [number, flavor = 'cloud'] = series.split('-');
  const pattern = new RegExp(
    `^linux-(?:binary|image)-(?:unsigned-)?(\\d+\\.\\d+.*)-${flavor}-${architecture}(?:-unsigned)?$`,
  );
  return names
    .flatMap((name) => {
      const version = pattern.exec(name)?.[1];
      return version && (number === '' || version.startsWith(`${number}.`)) ? [{ name, version }] : [];
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
