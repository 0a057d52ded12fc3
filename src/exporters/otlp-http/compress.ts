import { promisify } from 'node:util';
import { gzip, zstdCompress } from 'node:zlib';

const compressors = { gzip: promisify(gzip), zstd: promisify(zstdCompress) } as const;

/** In a thread of Node's pool. */
export async function compress(
  bytes: Uint8Array,
  how: keyof typeof compressors | 'none',
): Promise<Uint8Array> {
  return how === 'none' ? bytes : compressors[how](bytes);
}
