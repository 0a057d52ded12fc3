import type { Batch, Signal } from './batch.ts';
import type { OtlpCodec } from './otlp-codec.ts';
import { signals } from './signals.ts';

/** Signals with a codec: what exporters of OTLP can support. */
export type OtlpSignal = {
  [S in Signal]: (typeof signals)[S] extends { readonly otlp: unknown } ? S : never;
}[Signal];

/** Throws for a signal without a codec; the configuration refuses such a pipeline before. */
export function codecOf(signal: Signal): OtlpCodec<Batch> {
  const { otlp } = signals[signal] as Partial<Record<'otlp', unknown>>; // rows differ in their batches
  if (otlp === undefined) throw new Error(`cannot encode ${signal}: OTLP has no stable protocol for them`);
  return otlp as OtlpCodec<Batch>; // its batches are those of the signal
}
