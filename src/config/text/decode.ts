import { isUtf8 } from 'node:buffer';
import type { Problem } from '../config-error.ts';
import type { Position, Source } from './source.ts';

/** Of all files together. A ConfigMap of Kubernetes holds no more. */
export const maxBytes = 1024 * 1024;

/** The text of a file, and what of it no YAML may have. */
export function decodeSource(name: string, bytes: Buffer): { source: Source; problems: readonly Problem[] } {
  const source = { name, text: bytes.toString('utf8').replace(/^\uFEFF/, '') };
  const problem = encodingProblem(source, bytes) ?? characterProblem(source);
  return { source, problems: problem ? [problem] : [] };
}

function encodingProblem(source: Source, bytes: Buffer): Problem | undefined {
  const [first = 0, second = 0] = bytes;
  if (first + second === 0xff + 0xfe && Math.min(first, second) === 0xfe)
    return {
      message: 'the file is UTF-16: save it as UTF-8',
      at: { source: { ...source, text: '' }, start: 0, end: 0 }, // its text is not to be shown
    };
  if (isUtf8(bytes)) return undefined;
  let lineStart = 0;
  for (;;) {
    const found = bytes.indexOf('\n', lineStart);
    const lineEnd = found < 0 ? bytes.length : found;
    const line = bytes.subarray(lineStart, lineEnd);
    if (!isUtf8(line)) {
      const before = bytes
        .subarray(0, lineStart)
        .toString('utf8')
        .replace(/^\uFEFF/, '').length;
      const start = before + line.toString('utf8').indexOf('\uFFFD');
      return { message: 'invalid UTF-8 here: save the file as UTF-8', at: { source, start, end: start + 1 } };
    }
    lineStart = lineEnd + 1;
  }
}

/** What YAML calls printable leaves out control characters other than tab, line feed and carriage return. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: those it is for
const forbidden = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ufffe\uffff]|\r(?!\n|$)/;

function characterProblem(source: Source): Problem | undefined {
  const found = forbidden.exec(source.text);
  if (!found) return undefined;
  const at: Position = { source, start: found.index, end: found.index + 1 };
  if (found[0] === '\r')
    return { message: 'a line ends with a carriage return alone: save the file with LF or CRLF', at };
  const code = found[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');
  const remedy = code.startsWith('00') ? `; in double quotes it is written "\\x${code.slice(2)}"` : '';
  return { message: `control characters are not allowed: U+${code}${remedy}`, at };
}
