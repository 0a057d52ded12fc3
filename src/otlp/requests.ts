import type { Payload } from '../component.ts';
import { type Batch, itemCount, splitBatch } from '../telemetry/batch.ts';
import { codecOf } from '../telemetry/otlp.ts';
import { joinRequests, type OtlpEncoding } from '../telemetry/otlp-codec.ts';
import { type Bytes, bytes } from '../telemetry/units.ts';

/**
 * Items encoded together: some 300 to 600 KiB, so that requests of several parts are filled. Of log records and spans each
 * part has its resources again.
 */
const partItems = 2000;

/** Half of what most servers take, before compression. */
const limit = bytes(2 * 1024 * 1024);

/** Encodes a batch as requests of bounded size; a single item above the bound goes alone. */
export function requestsOf(
  batch: Batch,
  encoding: OtlpEncoding,
  { largest = limit }: { readonly largest?: Bytes } = {},
): readonly Payload[] {
  const requests: Part[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const part of partsOf(batch, { items: partItems, encoding, largest })) {
    if (size + part.bytes.length > largest) {
      requests.push([]);
      size = 0;
    }
    requests.at(-1)?.push(part);
    size += part.bytes.length;
  }
  return requests.map((parts) => ({
    signal: batch.signal,
    bytes: joinRequests(
      parts.map((part) => part.bytes),
      encoding,
    ),
    items: parts.reduce((sum, { items }) => sum + items, 0),
  }));
}

type Part = Omit<Payload, 'signal'>;

interface PartBounds {
  readonly items: number;
  readonly encoding: OtlpEncoding;
  readonly largest: Bytes;
}

/** Each item is encoded once, unless a part of so many is above the limit. */
function partsOf(batch: Batch, { items, encoding, largest }: PartBounds): readonly Part[] {
  const { encode } = codecOf(batch.signal);
  return splitBatch(batch, items).flatMap((part) => {
    const encoded = { bytes: encode(part, encoding), items: itemCount(part) };
    if (encoded.bytes.length <= largest || encoded.items === 1) return [encoded];
    return partsOf(part, { items: Math.ceil(encoded.items / 2), encoding, largest });
  });
}
