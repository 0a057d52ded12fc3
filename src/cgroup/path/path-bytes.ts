import { isUtf8 } from 'node:buffer';

/**
 * Path of a cgroup as text, from its bytes (a character each, `latin1`). A name may have any bytes but `/` and NUL: those
 * that are no UTF-8 are octal, `\377`, as blanks are in `mountinfo`, and a backslash before octal digits is `\134`. So each
 * path has a text of its own, which is valid Unicode; systemd's `\x2d` stays as it is.
 */
export function pathText(bytes: string): string {
  if (!/[\\\x80-\xff]/.test(bytes)) return bytes;
  const whole = Buffer.from(bytes.replace(/\\(?=[0-3][0-7]{2})/g, '\\134'), 'latin1');
  if (isUtf8(whole)) return whole.toString('utf8');
  const characters: string[] = [];
  for (let at = 0; at < whole.length; ) {
    const length = [1, 2, 3, 4].find((size) => isUtf8(whole.subarray(at, at + size)));
    characters.push(length === undefined ? octal(whole[at] ?? 0) : whole.toString('utf8', at, at + length));
    at += length ?? 1;
  }
  return characters.join('');
}

const octal = (byte: number) => `\\${byte.toString(8).padStart(3, '0')}`;

/** The same path as file system calls take it. */
export function pathBytes(path: string): string | Buffer {
  if (!path.includes('\\')) return path;
  const parts = path.split(/\\([0-3][0-7]{2})/); // texts, and bytes between them
  if (parts.length === 1) return path;
  return Buffer.concat(
    parts.map((part, at) => (at % 2 === 0 ? Buffer.from(part) : Buffer.of(Number.parseInt(part, 8)))),
  );
}
