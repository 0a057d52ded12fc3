import type { Payload } from '../../component.ts';
import { type Batch, itemCount, splitBatch } from '../../telemetry/batch.ts';
import { codecOf } from '../../telemetry/otlp.ts';
import type { Bytes } from '../../telemetry/units.ts';

/**
 * Items encoded together: some 300 to 600 KiB, so that requests of several parts are filled. Of log records and spans each
 * part has its resources again.
 */
const partItems = 2000;

/** Encodes a batch as requests of at most `limit` bytes; a single item above it goes alone. */
export function requestsOf(batch: Batch, limit: Bytes): readonly Payload[] {
  const requests: Part[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const part of partsOf(batch, { items: partItems, limit })) {
    if (size + part.bytes.length > limit) {
      requests.push([]);
      size = 0;
    }
    requests.at(-1)?.push(part);
    size += part.bytes.length;
  }
  // the only field of a request is repeated: requests put together are one request
  return requests.map((parts) => ({
    signal: batch.signal,
    bytes: Buffer.concat(parts.map(({ bytes }) => bytes)),
    items: parts.reduce((sum, { items }) => sum + items, 0),
  }));
}

type Part = Omit<Payload, 'signal'>;

/** Each item is encoded once, unless a part of so many is above the limit. */
function partsOf(
  batch: Batch,
  { items, limit }: { readonly items: number; readonly limit: Bytes },
): readonly Part[] {
  const { encode } = codecOf(batch.signal);
  return splitBatch(batch, items).flatMap((part) => {
    const encoded = { bytes: encode(part), items: itemCount(part) };
    if (encoded.bytes.length <= limit || encoded.items === 1) return [encoded];
    return partsOf(part, { items: Math.ceil(encoded.items / 2), limit });
  });
}
