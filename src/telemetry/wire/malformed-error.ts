/** Bytes that are no request of OTLP. */
export class MalformedError extends Error {
  override readonly name = 'MalformedError';
}

/** Messages in one another, as protobuf's libraries bound them: a value of OTLP may hold lists of lists. */
export const deepest = 100;
