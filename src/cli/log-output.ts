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
      return appendTo(path, file);
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

/** A full disk is no reason to end. Standard error reports what is missing: at the first line, and when the file goes on. */
function appendTo(path: string, file: number): (text: string) => void {
  let missing = 0;
  let isCut = false;
  return (text) => {
    const bytes = Buffer.from(isCut ? `\n${text}` : text);
    let written = 0;
    try {
      while (written < bytes.length) written += writeSync(file, bytes, written);
      isCut = false;
    } catch (error) {
      isCut ||= written > 0;
      if (missing === 0) report(`cannot write the log to ${path}: ${messageOf(error)}; lines are left out\n`);
      missing += 1;
      return;
    }
    if (missing > 0) report(`the log in ${path} goes on; ${missing} lines are missing in it\n`);
    missing = 0;
  };
}
