import { ConfigError, maxProblems } from '../config/config-error.ts';
import { printable } from '../printable.ts';
import { StartError } from '../runtime/start-error.ts';
import { CommandError } from './command-error.ts';

/** Bytes that are kept for a reader that does not keep up. */
const mostWaiting = 1024 * 1024;

type Output = Pick<NodeJS.WriteStream, 'write' | 'writableLength'>;

/** Writes lines; those that the reader of a pipe leaves no room for are left out, and the next one comes after their number. */
export function lineWriter(output: Output, name: string): (text: string) => void {
  let missing = 0;
  return (text) => {
    if (output.writableLength > mostWaiting) {
      missing += 1;
      return;
    }
    if (missing > 0) output.write(`${name} was not read; ${missing} lines are missing here\n`);
    missing = 0;
    output.write(text.endsWith('\n') ? text : `${text}\n`);
  };
}

/** For people: on standard error, so that standard output has data only. The text is printable. */
export const report = lineWriter(process.stderr, 'standard error');

/** The result of a command, on standard output. */
export function print(text: string): void {
  process.stdout.once('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return; // its reader has read enough, as in `earshot components | head`
    report(`Error: cannot write to standard output: ${error.message}`);
    end(1);
  });
  process.stdout.write(text);
}

/** Printable text of an error for the user; that of a bug has its stack. */
export function explain(error: unknown): string {
  if (error instanceof ConfigError) {
    const { length } = error.problems;
    const count = length < maxProblems ? `${length}` : `the first ${maxProblems}`;
    return `invalid configuration${length === 1 ? '' : `, ${count} problems`}:\n${error.message}`;
  }
  if (error instanceof StartError || error instanceof CommandError) return printable(error.message);
  return describeBug(error);
}

/** The frames are the agent's own; the message may quote what others say. */
function describeBug(error: unknown): string {
  if (!(error instanceof Error)) return printable(String(error));
  const frames = error.stack?.split('\n').filter((line) => /^ {4}at /.test(line)) ?? [];
  const cause = error.cause === undefined ? [] : [`caused by ${describeBug(error.cause)}`];
  return [printable(String(error)), ...frames.map(printable), ...cause].join('\n');
}

/**
 * The process ends by itself, because nothing is left running. `process.exit` is only for what should not happen: it
 * waits for V8's compiler threads, and one of those may be waiting for the main thread to collect garbage.
 */
export function end(code: number): void {
  process.exitCode = code;
  setTimeout(() => process.exit(), 2000).unref();
}
