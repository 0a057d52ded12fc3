import type { SignalKind } from './signal-kind.ts';
import { signals } from './signals.ts';
import type { Visit } from './visit.ts';

export type Signal = keyof typeof signals;

export type BatchOf<S extends Signal> = ReturnType<(typeof signals)[S]['empty']>;

/**
 * What flows through a pipeline, in OpenTelemetry's own types. Immutable: a component that changes something builds
 * new objects, so that a batch can be handed to several consumers without a copy. Metrics are deltas of one interval;
 * an exporter whose destination wants cumulative ones converts before its queue.
 */
export type Batch = BatchOf<Signal>;

export const signalNames = Object.keys(signals) as readonly Signal[]; // its only keys

/** Data points, log records, spans or samples in a batch: the Collector's unit for counting loss. */
export const itemCount = (batch: Batch): number => kindOf(batch).count(batch);

export const emptyBatch = (signal: Signal): Batch => signals[signal].empty();

/** The same batch if the visit changes nothing. */
export const mapBatch = <B extends Batch>(batch: B, visit: Visit): B => kindOf(batch).map(batch, visit);

/** Consecutive parts of at most so many items, none empty; together they have all items in the same order. */
export const splitBatch = <B extends Batch>(batch: B, most: number): readonly B[] =>
  kindOf(batch).split(batch, most);

/** All items of batches of one signal, at least one; what they share comes once. */
export const joinBatches = <B extends Batch>(batches: readonly [B, ...B[]]): B =>
  batches.length === 1 ? batches[0] : kindOf(batches[0]).join(batches);

// A batch names its own signal, which TypeScript does not relate to the row.
const kindOf = <B extends Batch>({ signal }: B) => signals[signal] as unknown as SignalKind<B>;

/** One value for each signal. */
export const perSignal = <T>(of: (signal: Signal) => T): Readonly<Record<Signal, T>> =>
  Object.fromEntries(signalNames.map((signal) => [signal, of(signal)])) as Record<Signal, T>; // all of them

/** What a component does with the batches of each signal, as a table. */
export type BySignal<T> = { readonly [S in Signal]: (batch: BatchOf<S>) => T };

/** Calls the function for the batch's signal; undefined: the table has none. */
export function bySignal<T>(batch: Batch, table: BySignal<T>): T;
export function bySignal<T>(batch: Batch, table: Partial<BySignal<T>>): T | undefined;
export function bySignal<T>(batch: Batch, table: Partial<BySignal<T>>): T | undefined {
  const own = table[batch.signal] as ((batch: Batch) => T) | undefined; // the row of the batch's signal
  return own?.(batch);
}
