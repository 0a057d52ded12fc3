import { readFileSync } from 'node:fs';
import { reasonOf } from '../config/text/retrieve.ts';
import { validateHeaderValue } from '../net/node-http.ts';

/** The first line of a file, which is a secret or a name. Its errors hold neither. */
export function readLine(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(`cannot read ${path}: ${reasonOf(error)}`);
  }
  const line = text.trim().split('\n', 1)[0]?.trim();
  if (!line) throw new Error(`cannot use ${path}: it is empty`);
  return line;
}

/** Throws where a header cannot carry a value, without the value. */
export function checkedHeaderValue(value: string, from: string): string {
  try {
    validateHeaderValue('authorization', value);
  } catch {
    // Node.js' error may hold the value.
    throw new Error(`cannot use ${from}: it has a character that a header does not carry`);
  }
  return value;
}
