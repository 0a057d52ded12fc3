import { Metadata } from '@grpc/grpc-js';
import { isBinary } from '../config/schema/headers.ts';

/** Header values are secrets: no error repeats one. */
export function metadataOf(headers: Readonly<Record<string, string>>): Metadata {
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(headers)) {
    try {
      metadata.set(key, isBinary(key) ? Buffer.from(value) : value);
    } catch {
      // grpc-js' own error holds the value.
      throw new Error(
        `cannot use headers::${key}: its name or value has a character that gRPC does not carry`,
      );
    }
  }
  return metadata;
}
