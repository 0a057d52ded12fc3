import { closeSync, openSync, writeSync } from 'node:fs';
import { messageOf } from '../telemetry/health.ts';
import { lineWriter, report } from './output.ts';

export interface LogOutput {
  write(text: string): void;
  /** Of files; what is written after it is lost. */
  close(): void;
}

/** Where the log goes: `stderr`, `stdout` or files, which are appended to. Throws where a file cannot be opened. */
export function openLogOutput(paths: readonly string[]): LogOutput {
  const opened: number[] = [];
  const close = () => {
    for (const file of opened.splice(0)) closeSync(file);
  };
  try {
    const outputs = paths.map((path): ((text: string) => void) => {
      if (path === 'stderr') return report;
      if (path === 'stdout') return lineWriter(process.stdout, 'standard output');
      const file = openSync(path, 'a', 0o640);
      opened.push(file);
      return appendTo(path, file);
    });
    return {
      write(text) {
        for (const write of outputs) write(text);
      },
      close,
    };
  } catch (cause) {
    close();
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
