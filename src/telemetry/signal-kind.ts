import type { OtlpCodec } from './otlp-codec.ts';
import type { Visit } from './visit.ts';

/** All of the agent that depends on a signal; `signals.ts` has one for each. Batches are plain, immutable data. */
export interface SignalKind<Batch> {
  /** The word for an item in names of counters, in the plural, and its unit in UCUM. */
  readonly item: { readonly noun: string; readonly unit: string };
  count(batch: Batch): number;
  empty(): Batch;
  /** The same batch if the visit changes nothing. */
  map(batch: Batch, visit: Visit): Batch;
  /** Consecutive parts of at most so many items, none empty; together they have all items in the same order. */
  split(batch: Batch, most: number): readonly Batch[];
  /** All items of batches, those of a resource in their order; what they share comes once. */
  join(batches: readonly Batch[]): Batch;
  /** Absent: OTLP has no stable protocol for the signal. */
  readonly otlp?: OtlpCodec<Batch>;
}
