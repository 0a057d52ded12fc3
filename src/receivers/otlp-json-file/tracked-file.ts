import type { BigIntStats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Bytes } from '../../telemetry/units.ts';
import { type Line, LineReader } from './lines.ts';

/** How far a file was read, and how it is found again: by its place on the disk, and by its first bytes. */
export interface Progress {
  readonly device: string;
  readonly inode: string;
  readonly offset: number;
  /** In base64, at most the first kilobyte of what was read. */
  readonly begin: string;
}

const chunkSize = 256 * 1024;
const beginSize = 1000;

export const identityOf = ({ dev, ino }: Pick<BigIntStats, 'dev' | 'ino'>) => `${dev}:${ino}`;

/** A file that stays open, so that its end is read too when it has another name or none. */
export class TrackedFile {
  readonly #file: FileHandle;
  readonly #device: string;
  readonly #inode: string;
  readonly #longest: Bytes;
  #reader: LineReader;
  /** Behind the last line that was taken. */
  #offset: number;
  #begin = Buffer.alloc(0);

  private constructor(file: FileHandle, { dev, ino }: BigIntStats, longest: Bytes) {
    this.#file = file;
    this.#device = String(dev);
    this.#inode = String(ino);
    this.#longest = longest;
    this.#offset = 0;
    this.#reader = new LineReader(0, longest);
  }

  static async open(path: string, longest: Bytes): Promise<TrackedFile> {
    const file = await open(path, 'r');
    try {
      const stat = await file.stat({ bigint: true });
      if (!stat.isFile()) throw new Error(`${path} is no file`);
      return new TrackedFile(file, stat, longest);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  get identity(): string {
    return `${this.#device}:${this.#inode}`;
  }

  get progress(): Progress {
    const begin = this.#begin.toString('base64');
    return { device: this.#device, inode: this.#inode, offset: this.#offset, begin };
  }

  /** Whether the file ends within a line. */
  get isWithinLine(): boolean {
    return this.#reader.isWithinLine;
  }

  restart(): void {
    this.#begin = Buffer.alloc(0);
    this.#seek(0);
  }

  /** All that is there has been read. */
  async skip(): Promise<void> {
    const { size } = await this.#file.stat();
    await this.#remember(size);
    this.#seek(await this.#endOfLines(size));
  }

  /** Goes on where an agent before stopped; false: the file is another one. */
  async resume({ offset, begin }: Progress): Promise<boolean> {
    this.#begin = Buffer.from(begin, 'base64');
    this.#offset = offset;
    const isSame = !(await this.hasChanged());
    if (isSame) this.#seek(offset);
    else this.restart();
    return isSame;
  }

  /** It became shorter, or begins with other bytes. */
  async hasChanged(): Promise<boolean> {
    const { size } = await this.#file.stat();
    if (size < this.#offset) return true;
    const now = Buffer.alloc(this.#begin.length);
    await this.#file.read(now, 0, now.length, 0);
    return !now.equals(this.#begin);
  }

  /** Whole lines from where it stopped. `take` says whether the line is dealt with; if not, it comes again. */
  async read(take: (line: Line) => Promise<boolean>): Promise<'end' | 'stopped'> {
    const chunk = Buffer.alloc(chunkSize);
    for (;;) {
      const { bytesRead } = await this.#file.read(chunk, 0, chunk.length, this.#reader.at);
      if (bytesRead === 0) return 'end';
      for (const line of this.#reader.add(chunk.subarray(0, bytesRead))) {
        if (!(await take(line))) {
          this.#seek(this.#offset);
          return 'stopped';
        }
        await this.#remember(line.end);
        this.#offset = line.end;
      }
    }
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  #seek(offset: number): void {
    this.#offset = offset;
    this.#reader = new LineReader(offset, this.#longest);
  }

  async #remember(end: number): Promise<void> {
    const length = Math.min(end, beginSize);
    if (this.#begin.length >= length) return;
    const begin = Buffer.alloc(length);
    const { bytesRead } = await this.#file.read(begin, 0, length, 0);
    this.#begin = begin.subarray(0, bytesRead);
  }

  /** A line that is being written is read when it has ended. */
  async #endOfLines(size: number): Promise<number> {
    for (let end = size; end > 0; end -= chunkSize) {
      const start = Math.max(0, end - chunkSize);
      const chunk = Buffer.alloc(end - start);
      await this.#file.read(chunk, 0, chunk.length, start);
      const at = chunk.lastIndexOf('\n');
      if (at >= 0) return start + at + 1;
    }
    return 0;
  }
}
