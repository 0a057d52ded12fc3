import { closeSync, openSync, writeSync } from 'node:fs';
import { messageOf } from '../telemetry/health.ts';
import { lineWriter, report } from './output.ts';

export interface LogOutput {
  write(text: string): void;
  /** Files are opened anew by their paths: something else may have renamed them. One that cannot be opened goes on as it is. */
  reopen(): void;
  /** Of files; what is written after it is lost. */
  close(): void;
}

/** Where the log goes: `stderr`, `stdout` or files, which are appended to. Throws where a file cannot be opened. */
export function openLogOutput(paths: readonly string[]): LogOutput {
  const files: LogOutput[] = [];
  const close = () => {
    for (const file of files.splice(0)) file.close();
  };
  try {
    const writers = paths.map((path): ((text: string) => void) => {
      if (path === 'stderr') return report;
      if (path === 'stdout') return lineWriter(process.stdout, 'standard output');
      const file = openLogFile(path);
      files.push(file);
      return file.write;
    });
    return {
      write(text) {
        for (const write of writers) write(text);
      },
      reopen() {
        for (const file of files) file.reopen();
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
function openLogFile(path: string): LogOutput {
  const open = () => openSync(path, 'a', 0o640);
  let file = open();
  let missing = 0;
  let isCut = false;
  return {
    write(text) {
      const bytes = Buffer.from(isCut ? `\n${text}` : text);
      let written = 0;
      try {
        while (written < bytes.length) written += writeSync(file, bytes, written);
        isCut = false;
      } catch (error) {
        isCut ||= written > 0;
        if (missing === 0)
          report(`cannot write the log to ${path}: ${messageOf(error)}; lines are left out\n`);
        missing += 1;
        return;
      }
      if (missing > 0) report(`the log in ${path} goes on; ${missing} lines are missing in it\n`);
      missing = 0;
    },
    reopen() {
      try {
        const next = open();
        closeSync(file);
        file = next;
      } catch (error) {
        report(`cannot open the log ${path} anew: ${messageOf(error)}; the former file goes on\n`);
      }
    },
    close: () => closeSync(file),
  };
}
