import { closeSync, openSync, writeSync } from 'node:fs';
import { messageOf } from '../telemetry/health.ts';
import { report } from './output.ts';

/** Where the log goes: `stderr`, `stdout` or files, which are appended to. Throws where a file cannot be opened. */
export function openLogOutput(paths: readonly string[]): (text: string) => void {
  const opened: number[] = [];
  try {
    const outputs = paths.map((path): ((text: string) => void) => {
      if (path === 'stderr') return report;
      if (path === 'stdout') return (text) => void process.stdout.write(text);
      const file = openSync(path, 'a', 0o640);
      opened.push(file);
      return (text) => append(file, text);
    });
    return (text) => {
      for (const write of outputs) write(text);
    };
  } catch (cause) {
    for (const file of opened) closeSync(file);
    throw new Error(
      `cannot write the log: ${messageOf(cause)}; mend service::telemetry::logs::output_paths`,
      { cause },
    );
  }
}

function append(file: number, text: string): void {
  try {
    writeSync(file, text);
  } catch {
    // A full disk is no reason to end, and the log is where it would be told.
  }
}
