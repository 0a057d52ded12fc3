import type { Nanoseconds } from '../telemetry/units.ts';
import type { StructLayout } from './native.ts';

/**
 * Little-endian u64 fields read as pairs of u32: kernel totals pass 2^53 ns within days on a large machine, their
 * differences over one interval do not.
 */
const high = 2 ** 32;

/** The u64 at byte `offset`, exact. */
export function readBigint(words: Uint32Array, offset: number): bigint {
  const at = offset >> 2;
  return (BigInt(words[at + 1] ?? 0) << 32n) | BigInt(words[at] ?? 0);
}

/** `now - before` of the u64 at byte `offset` of two copies; exact below 2^53, negative if it went backwards. */
export function difference(
  now: Uint32Array,
  before: Uint32Array,
  offset: number,
  beforeOffset = offset,
): Nanoseconds {
  const a = offset >> 2;
  const b = beforeOffset >> 2;
  const low = (now[a] ?? 0) - (before[b] ?? 0);
  return (((now[a + 1] ?? 0) - (before[b + 1] ?? 0)) * high + low) as Nanoseconds;
}

/** `now - before` of the s64 at byte `offset` of two copies; its zero is passed in both directions. */
export function signedDifference(
  now: Uint32Array,
  before: Uint32Array,
  offset: number,
  beforeOffset = offset,
): Nanoseconds {
  const a = offset >> 2;
  const b = beforeOffset >> 2;
  const low = (now[a] ?? 0) - (before[b] ?? 0);
  const borrowed = low < 0 ? 1 : 0;
  const upper = ((now[a + 1] ?? 0) - (before[b + 1] ?? 0) - borrowed) | 0;
  return (upper * high + (low >>> 0)) as Nanoseconds;
}

export function isZero(words: Uint32Array, offset: number): boolean {
  return words[offset >> 2] === 0 && words[(offset >> 2) + 1] === 0;
}

/** Whether two u64 are equal. */
export function isSame(a: Uint32Array, b: Uint32Array, offset: number, offsetInB = offset): boolean {
  return a[offset >> 2] === b[offsetInB >> 2] && a[(offset >> 2) + 1] === b[(offsetInB >> 2) + 1];
}

export function wordsOf(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2);
}

/** Byte offset of a member; a name the object does not have is a bug, found at start. */
export function offsetOf(layout: StructLayout, member: string): number {
  const found = layout.members[member];
  if (!found) throw new Error(`cannot decode kernel data: no member "${member}"`);
  return found.offset;
}
