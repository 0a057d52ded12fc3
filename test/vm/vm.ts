import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GuestRecord } from './record.ts';

const limitSeconds = 300;
const consoleLines = 60;

export interface Boot {
  readonly records: readonly GuestRecord[];
  /** The last lines of the console. */
  readonly console: string;
  readonly seconds: number;
  /** Why it ended otherwise than by itself. */
  readonly obstacle: string | undefined;
}

/**
 * Boots a kernel under software emulation and waits until it powers off. One thread runs both CPUs: with several, the
 * emulation once broke the kernel while it patched its own code. No `-icount`: 5.10 and 6.1 hang at their second CPU.
 */
export function boot(
  image: string,
  { initramfs, folder, tests }: { initramfs: string; folder: string; tests?: string | undefined },
): Promise<Boot> {
  const port = join(folder, 'records');
  const choice = tests === undefined ? '' : ` EARSHOT_TESTS=${tests}`; // the kernel gives it to init as a variable
  const qemu = [
    'qemu-system-x86_64',
    ...['-M', 'q35', '-accel', 'tcg,thread=single'],
    ...['-cpu', 'max', '-smp', '2', '-m', '2048', '-net', 'none', '-nodefaults', '-no-reboot'],
    ...['-kernel', image, '-initrd', initramfs, '-append', `console=ttyS0 panic=-1 quiet psi=1${choice}`],
    ...['-display', 'none', '-serial', 'stdio', '-serial', `file:${port}`],
  ];
  const start = performance.now();
  return new Promise((resolve) => {
    // `timeout`, because the machine has to end even if this process is killed
    const child = spawn('timeout', ['--kill-after=5', String(limitSeconds), ...qemu], {
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
        ? `cannot run timeout: ${error.message}`
        : code === 0
          ? undefined
          : code === 124 || code === 137
            ? `killed after ${limitSeconds} s`
            : `qemu ended with ${code}`;
      resolve({
        records: existsSync(port) ? parseRecords(readFileSync(port, 'utf8')) : [],
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
