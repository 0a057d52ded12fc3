import type { Logger } from 'pino';
import type { Static, TObject } from 'typebox';
import type { Kernel } from './receivers/scheduler/kernel.ts';
import type { Batch, Signal } from './telemetry/batch.ts';
import type { Counters } from './telemetry/counters.ts';
import type { Nanoseconds, UnixNanoseconds } from './telemetry/units.ts';

/**
 * The contract every component fulfils.
 *
 * A component is one exported constant: kind, type, config schema, `open`. The TypeScript type, the defaults, the JSON
 * Schema and the reference page derive from the schema. Nothing happens before `open`; `open` undoes what it did if it
 * fails half-way. The runtime owns every timer, queue and retry. `close` is idempotent and resolves when nothing of the
 * component is left running.
 */
interface Described<Kind extends string, Schema extends TObject> {
  readonly kind: Kind;
  /** `snake_case`, as it is written in the configuration. */
  readonly type: string;
  /** One sentence for `earshot components` and the reference page. */
  readonly summary: string;
  readonly config: Schema;
  /** What is wrong with a configuration that fits the schema. Opens and changes nothing. */
  check?(config: Static<Schema>): readonly ConfigProblem[];
}

/** The loader adds where in the files it is. */
export interface ConfigProblem {
  /** Keys inside the component's configuration. */
  readonly path: readonly string[];
  readonly message: string;
}

/** Everything a component may do to the world; a test fakes this one object. */
export interface Host {
  /** The component's id in the configuration: `type` or `type/name`. */
  readonly id: string;
  readonly log: Logger;
  readonly counters: Counters;
  /** What the pipelines take from this component: nobody needs the rest to be made. */
  readonly signals: ReadonlySet<Signal>;
  readonly kernel: Kernel;
  /** Wall clock. */
  now(): UnixNanoseconds;
  /** Never set back; only differences mean something. */
  elapsed(): Nanoseconds;
  /**
   * What all instances of one id have in common, as the processors of several pipelines do: opened by the first that asks,
   * closed after all components.
   */
  share<T extends Closable>(open: () => Promise<T>): Promise<T>;
  /** Standard output: for exporters that speak to a person. Resolves when its reader, or a buffer of the system, has it. */
  print(text: string): Promise<void>;
}

export interface Closable {
  close(): Promise<void>;
}

/** One thing the runtime asks a receiver for, again and again; an overrun skips ticks and is counted. */
export interface Pull {
  readonly name: string;
  readonly every: Nanoseconds;
  collect(): readonly Batch[] | Promise<readonly Batch[]>;
}

/** Pulled, never pushing. At shutdown every pull is asked once more before `close`. */
export interface Receiver extends Closable {
  readonly pulls: readonly Pull[];
}

/** A function of a batch; what it returns goes on, an empty batch ends there. */
export interface Processor extends Closable {
  process(batch: Batch): Batch;
  /** Work beside the batches. What is collected goes on behind the processor: what it held back and now lets go. */
  readonly pulls?: readonly Pull[];
  /** At shutdown, after the last batch: what it still holds. */
  flush?(): readonly Batch[];
}

/** The end of one pipeline and the beginning of others. */
export interface Connector extends Closable {
  connect(batch: Batch): readonly Batch[];
}

/** What the queue holds: encoded once, sent as often as needed. */
export interface Payload {
  readonly signal: Signal;
  readonly bytes: Uint8Array;
  /** Data points or log records inside. */
  readonly items: number;
}

export type Outcome =
  | { readonly kind: 'accepted' }
  /** The destination kept the rest; what it rejected must not be sent again. */
  | { readonly kind: 'partial'; readonly rejected: number; readonly reason: string }
  | { readonly kind: 'retry'; readonly reason: string; readonly after?: Nanoseconds }
  | { readonly kind: 'refused'; readonly reason: string };

/** How the runtime delivers; keys, defaults and sentences of the Collector's exporterhelper (`pipeline/delivery.ts`). */
export interface Delivery {
  readonly timeout: Nanoseconds;
  readonly sending_queue: {
    readonly enabled: boolean;
    readonly num_consumers: number;
    readonly queue_size: number;
    readonly max_bytes: number;
  };
  readonly retry_on_failure: {
    readonly enabled: boolean;
    readonly initial_interval: Nanoseconds;
    readonly randomization_factor: number;
    readonly multiplier: number;
    readonly max_interval: Nanoseconds;
    readonly max_elapsed_time: Nanoseconds;
  };
}

/** Encodes before the queue, sends after it, never sleeps, never throws for what a destination does. */
export interface Exporter extends Closable {
  /** Absent: sent at once, one after the other, never retried (exporters that write to this machine). */
  readonly delivery?: Delivery;
  encode(batch: Batch): readonly Payload[];
  send(payload: Payload, abort: AbortSignal): Promise<Outcome>;
}

export interface ReceiverComponent<Schema extends TObject = TObject> extends Described<'receiver', Schema> {
  readonly signals: readonly Signal[];
  open(config: Static<Schema>, host: Host): Promise<Receiver>;
}
export interface ProcessorComponent<Schema extends TObject = TObject> extends Described<'processor', Schema> {
  readonly signals: readonly Signal[];
  open(config: Static<Schema>, host: Host): Promise<Processor>;
}
export interface ConnectorComponent<Schema extends TObject = TObject> extends Described<'connector', Schema> {
  /** Pairs of the signal it consumes and the signal it emits. */
  readonly connects: readonly (readonly [from: Signal, to: Signal])[];
  open(config: Static<Schema>, host: Host): Promise<Connector>;
}
export interface ExporterComponent<Schema extends TObject = TObject> extends Described<'exporter', Schema> {
  readonly signals: readonly Signal[];
  /** Former types that still work, each with a warning. */
  readonly aliases?: readonly string[];
  open(config: Static<Schema>, host: Host): Promise<Exporter>;
}
export interface ExtensionComponent<Schema extends TObject = TObject> extends Described<'extension', Schema> {
  open(config: Static<Schema>, host: Host): Promise<Closable>;
}

export type Component =
  | ReceiverComponent
  | ProcessorComponent
  | ConnectorComponent
  | ExporterComponent
  | ExtensionComponent;
