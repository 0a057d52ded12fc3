import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Platform, x64 } from './platform.ts';
import type { GuestRecord } from './record.ts';

const limitSeconds = 900;
const consoleLines = 60;

export interface Boot {
  readonly records: readonly GuestRecord[];
  /** The last lines of the console. */
  readonly console: string;
  readonly seconds: number;
  /** Why it ended otherwise than by itself. */
  readonly obstacle: string | undefined;
}

export interface BootOptions {
  readonly initramfs: string;
  readonly folder: string;
  /** Default: x86-64. */
  readonly platform?: Platform;
  /** Names of `guest.ts`, separated by commas. */
  readonly tests?: string | undefined;
  /** As QEMU's `-smp` has it: `2`, or `2,maxcpus=4`. */
  readonly cpus?: string;
  /** Further words of the kernel's command line. */
  readonly kernelArguments?: readonly string[];
}

/** Boots a kernel under software emulation and waits until it powers off. */
export function boot(
  image: string,
  { initramfs, folder, platform = x64, tests, cpus = '2,maxcpus=4', kernelArguments = [] }: BootOptions,
): Promise<Boot> {
  const records = join(folder, 'records');
  const append = [`console=${platform.console}`, 'panic=-1', 'quiet', 'psi=1', ...kernelArguments];
  append.push(`EARSHOT_PORT=${platform.port}`); // the kernel gives init such words as variables
  if (tests !== undefined) append.push(`EARSHOT_TESTS=${tests}`);
  const qemu = [
    ...platform.qemu,
    ...['-smp', cpus, '-m', '2048', '-net', 'none', '-nodefaults', '-no-reboot'],
    ...['-kernel', image, '-initrd', initramfs, '-append', append.join(' ')],
    ...['-display', 'none', '-serial', 'stdio', '-chardev', `file,id=records,path=${records}`],
    ...platform.portDevice,
  ];
  const start = performance.now();
  return new Promise((resolve) => {
    const limited = ['timeout', '--kill-after=5', String(limitSeconds), ...qemu];
    // the machine ends with this process, also if that is killed
    const child = spawn('setpriv', ['--pdeathsig', 'TERM', ...limited], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output = (output + text).slice(-64 * 1024);
      });
    let error: Error | undefined;
    child.on('error', (cause) => {
      error = cause;
    });
    child.on('close', (code) => {
      const obstacle = error
        ? `cannot run setpriv: ${error.message}`
        : code === 0
          ? undefined
          : code === 124 || code === 137
            ? `killed after ${limitSeconds} s`
            : `qemu ended with ${code}`;
      resolve({
        records: existsSync(records) ? parseRecords(readFileSync(records, 'utf8')) : [],
        console: output.trim().split(/\r?\n/).slice(-consoleLines).join('\n'),
        seconds: (performance.now() - start) / 1000,
        obstacle,
      });
    });
  });
}

/** A line that was cut off is none. */
export function parseRecords(text: string): readonly GuestRecord[] {
  return text.split('\n').flatMap((line) => {
    try {
      return line.trim() === '' ? [] : [JSON.parse(line) as GuestRecord];
    } catch {
      return []; // then the record `end` is missing too, and that is a failure
    }
  });
}
