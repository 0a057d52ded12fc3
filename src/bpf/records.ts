import type { BpfMap } from './bpf.ts';
import type { Layout } from './layout.ts';
import { readBigint, wordsOf } from './u64.ts';

/** Where a record lies: at byte `at` of both, which share memory. */
export interface RecordAt {
  readonly words: Uint32Array;
  readonly bytes: Uint8Array;
  readonly at: number;
}

/** The records of one type. */
export interface RecordDecoder {
  readonly size: number;
  decode(record: RecordAt): void;
}

export interface RecordFormat {
  /** What each record begins with: its type and its size. */
  readonly header: Layout<'type' | 'bytes'>;
  /** By type. */
  readonly decoders: Readonly<Record<number, RecordDecoder>>;
  /** A record of an unknown type or a wrong size: the rest of the buffer is skipped. */
  malformed(bytes: number): void;
}

/** Decodes what came from a ring buffer, oldest first. Nothing in `bytes` is trusted beyond its own length. */
export function decodeRecords(bytes: Uint8Array, { header, decoders, malformed }: RecordFormat): void {
  const words = wordsOf(bytes);
  let at = 0;
  while (at + header.size <= bytes.length) {
    const decoder = decoders[words[(at + header.type) >> 2] ?? 0];
    const size = words[(at + header.bytes) >> 2] ?? 0;
    if (!decoder || size !== decoder.size || at + size > bytes.length) break;
    decoder.decode({ words, bytes, at });
    at += Math.ceil(size / 8) * 8;
  }
  if (at < bytes.length) malformed(bytes.length - at);
}

const bufferBytes = 64 * 1024;

/** The ring buffer of an object, and how its records are decoded. */
export class RecordRing {
  readonly #map: Pick<BpfMap, 'drain'>;
  readonly #format: RecordFormat;
  readonly #maxRecord: number;
  readonly #buffer: Uint8Array;

  constructor(map: Pick<BpfMap, 'drain'>, format: RecordFormat) {
    this.#map = map;
    this.#format = format;
    this.#maxRecord = Math.max(...Object.values(format.decoders).map(({ size }) => size));
    this.#buffer = new Uint8Array(Math.max(bufferBytes, this.#maxRecord));
  }

  /** Decodes everything that is in the ring by now. */
  drain(): void {
    for (;;) {
      const used = this.#map.drain(this.#buffer, this.#maxRecord);
      decodeRecords(this.#buffer.subarray(0, used), this.#format);
      if (used + this.#maxRecord <= this.#buffer.length) return;
    }
  }
}

export const wordAt = ({ words, at }: RecordAt, member: number): number => words[(at + member) >> 2] ?? 0;

export const bigintAt = ({ words, at }: RecordAt, member: number): bigint => readBigint(words, at + member);

/** A C string of at most `length` bytes. */
export function textAt({ bytes, at }: RecordAt, member: number, length: number): string {
  const field = bytes.subarray(at + member, at + member + length);
  const end = field.indexOf(0);
  return Buffer.from(end < 0 ? field : field.subarray(0, end)).toString('utf8');
}
