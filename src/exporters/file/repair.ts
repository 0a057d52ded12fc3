import { fstatSync, ftruncateSync, readSync, writeSync } from 'node:fs';

const block = 64 * 1024;
const newline = '\n'.charCodeAt(0);
/** A longer last line is taken for one that was cut. */
const longestChecked = 16 * 1024 * 1024;

/** Takes off a last record that was not written whole; whether there was one. Synchronous: nothing else uses the file yet. */
export function repair(fd: number, isFramed: boolean): boolean {
  const { size } = fstatSync(fd);
  return isFramed ? repairFrames(fd, size) : repairLines(fd, size);
}

function repairLines(fd: number, size: number): boolean {
  const end = endOfLines(fd, size);
  if (end === size) return false;
  if (size - end <= longestChecked && isJson(read(fd, end, size - end))) {
    writeSync(fd, '\n', size); // whole, but for its end
    return false;
  }
  ftruncateSync(fd, end);
  return true;
}

/** Behind the last end of a line. */
function endOfLines(fd: number, size: number): number {
  for (let end = size; end > 0; end -= block) {
    const start = Math.max(0, end - block);
    const at = read(fd, start, end - start).lastIndexOf(newline);
    if (at >= 0) return start + at + 1;
  }
  return 0;
}

function isJson(line: Buffer): boolean {
  try {
    JSON.parse(line.toString());
    return true;
  } catch {
    return false; // it was cut
  }
}

function repairFrames(fd: number, size: number): boolean {
  let at = 0;
  while (at + 4 <= size) {
    const next = at + 4 + read(fd, at, 4).readUInt32BE();
    if (next > size) break;
    at = next;
  }
  if (at === size) return false;
  ftruncateSync(fd, at);
  return true;
}

function read(fd: number, at: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  return buffer.subarray(0, readSync(fd, buffer, 0, length, at));
}
