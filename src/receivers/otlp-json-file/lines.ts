import type { Bytes } from '../../telemetry/units.ts';

const newline = '\n'.charCodeAt(0);

export interface Line {
  /** Absent: it is too long. */
  readonly bytes?: Buffer;
  /** Of the file, behind the line. */
  readonly end: number;
}

/** Divides what is read of a file into lines; holds at most one that has not ended. */
export class LineReader {
  readonly #longest: Bytes;
  #parts: Buffer[] = [];
  #size = 0;
  #isTooLong = false;
  #at: number;

  constructor(at: number, longest: Bytes) {
    this.#at = at;
    this.#longest = longest;
  }

  /** Of the file, behind what was read. */
  get at(): number {
    return this.#at;
  }

  /** Whether the last line has not ended. */
  get isWithinLine(): boolean {
    return this.#size > 0;
  }

  *add(chunk: Buffer): Generator<Line> {
    for (let start = 0; start < chunk.length; ) {
      const found = chunk.indexOf(newline, start);
      const end = found < 0 ? chunk.length : found;
      this.#hold(chunk.subarray(start, end));
      start = end + 1;
      if (found < 0) return;
      this.#at += 1;
      yield this.#take();
    }
  }

  #hold(part: Buffer): void {
    this.#at += part.length;
    this.#size += part.length;
    if (this.#size > this.#longest) {
      this.#isTooLong = true;
      this.#parts = [];
    }
    if (!this.#isTooLong && part.length > 0) this.#parts.push(Buffer.from(part)); // its memory is read into again
  }

  #take(): Line {
    const line = { end: this.#at, ...(!this.#isTooLong && { bytes: Buffer.concat(this.#parts) }) };
    this.#parts = [];
    this.#size = 0;
    this.#isTooLong = false;
    return line;
  }
}
