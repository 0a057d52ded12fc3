import type { IncomingMessage } from 'node:http';
import type { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createInflate, createZstdDecompress } from 'node:zlib';
import type { Bytes } from '../../telemetry/units.ts';
import type { Room } from './intake.ts';

const decompressors: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  deflate: createInflate,
  zstd: createZstdDecompress,
};

export type Body =
  | { readonly kind: 'read'; readonly bytes: Uint8Array }
  | { readonly kind: 'too_large' | 'busy' | 'damaged' | 'unknown_encoding' };

/**
 * Of a request, decompressed as it comes: a small one that becomes large is no more in memory than a large one. Rejects where
 * the connection ends.
 */
export async function readBody(
  request: IncomingMessage,
  { limit, room }: { readonly limit: Bytes; readonly room: Room },
): Promise<Body> {
  const encoding = (request.headers['content-encoding'] ?? '').trim().toLowerCase();
  const isPlain = encoding === '' || encoding === 'identity';
  if (!isPlain && !Object.hasOwn(decompressors, encoding)) return { kind: 'unknown_encoding' };
  if (Number(request.headers['content-length'] ?? 0) > limit) return { kind: 'too_large' };
  const chunks: Buffer[] = [];
  let size = 0;
  let end: 'too_large' | 'busy' | undefined;
  const collect = async (source: AsyncIterable<Buffer>) => {
    for await (const chunk of source) {
      size += chunk.length;
      if (size > limit) end = 'too_large';
      else if (!room.add(chunk.length)) end = 'busy';
      if (end !== undefined) return; // ends what it is read from
      chunks.push(chunk);
    }
  };
  const decompressor = isPlain ? undefined : decompressors[encoding]?.();
  try {
    if (decompressor) await pipeline(request, decompressor, collect);
    else await collect(request);
  } catch (error) {
    if (end !== undefined) return { kind: end };
    if (!request.complete && request.destroyed && !isDamage(error)) throw error;
    return { kind: 'damaged' };
  }
  return end === undefined ? { kind: 'read', bytes: Buffer.concat(chunks) } : { kind: end };
}

const isDamage = (error: unknown) => /^(Z_|ZSTD_)/.test(String((error as NodeJS.ErrnoException).code));
