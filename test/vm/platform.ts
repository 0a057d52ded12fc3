import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fetchArm64Root } from './arm64-root.ts';
import type { DebianApt } from './debian-apt.ts';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** What differs between virtual machines of two architectures. */
export interface Platform {
  /** Folder of the objects, the addon and the loads. */
  readonly build: string;
  program(name: 'busybox' | 'node' | 'stress-ng' | 'bpftool'): string;
  /** What a program is linked with, by the path at which it is looked for. */
  libraries(program: string): ReadonlyMap<string, string>;
  readonly qemu: readonly string[];
  readonly console: string;
  /** The serial line by which results leave, and what connects it with `chardev` `records`. */
  readonly port: string;
  readonly portDevice: readonly string[];
}

/**
 * One thread runs both CPUs: with several, the emulation once broke the kernel while it patched its own code. No `-icount`:
 * 5.10 and 6.1 hang at their second CPU.
 */
const emulated = ['-accel', 'tcg,thread=single'];

export const x64: Platform = {
  build: 'build',
  program: (name) =>
    name === 'node'
      ? join(root, 'node_modules/node/bin/node')
      : run('sh', ['-c', 'command -v "$1"', 'sh', name]).trim(),
  libraries: (program) =>
    new Map(
      [...run('ldd', [program]).matchAll(/(?:=> |^\s*)(\/\S+) \(/gm)].map(([, file = '']) => [file, file]),
    ),
  qemu: ['qemu-system-x86_64', '-M', 'q35', ...emulated, '-cpu', 'max'],
  console: 'ttyS0',
  port: '/dev/ttyS1',
  portDevice: ['-serial', 'chardev:records'],
};

/** Cross-built, with Debian's programs and libraries for it. */
export function arm64(apt: DebianApt): Platform {
  run(process.execPath, ['scripts/setup.mjs', '--vm-arm64']);
  const sysroot = fetchArm64Root(apt);
  run('make', ['--silent', '--jobs=2', 'arm64-tests', `ARM64_ROOT=${sysroot}`]);
  const libraries = readdirSync(join(sysroot, 'lib')).map(
    (name) => [`/lib/${name}`, join(sysroot, 'lib', name)] as const,
  );
  return {
    build: 'build/arm64',
    program: (name) => join(sysroot, 'bin', name),
    libraries: () => new Map(libraries),
    qemu: ['qemu-system-aarch64', '-M', 'virt,gic-version=3', ...emulated, '-cpu', 'max,pauth-impdef=on'],
    console: 'ttyAMA0',
    port: '/dev/ttyS0',
    portDevice: ['-device', 'pci-serial,chardev=records'],
  };
}

export function run(command: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: root, encoding: 'utf8' });
  if (status === 0) return stdout;
  throw new Error(`cannot run ${command} ${args.join(' ')}: ${error?.message ?? stderr + stdout}`);
}
