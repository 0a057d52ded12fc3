import type { Logger } from 'pino';
import type { Static, TObject } from 'typebox';
import type { Machine } from './machine/machine.ts';
import type { Kernel } from './receivers/scheduler/kernel.ts';
import type { Batch, Signal } from './telemetry/batch.ts';
import type { Counters } from './telemetry/counters.ts';
import type { Emits } from './telemetry/emits.ts';
import type { MonotonicNanoseconds, Nanoseconds, UnixNanoseconds } from './telemetry/units.ts';

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
  /** Its metrics, events, attributes and counters; `docs/METRICS.md` lists them. */
  readonly emits?: Emits;
  /** What is wrong with a configuration that fits the schema. Opens and changes nothing. */
  check?(config: Static<Schema>): readonly ConfigProblem[];
}

/** The loader adds where in the files it is. */
export interface ConfigProblem {
  /** Keys inside the component's configuration. */
  readonly path: readonly string[];
  readonly message: string;
}

export interface Clock {
  /** Wall clock. */
  now(): UnixNanoseconds;
  /** Never set back; only differences mean something. */
  elapsed(): Nanoseconds;
  /** CLOCK_MONOTONIC, as the kernel's `bpf_ktime_get_ns()`. */
  monotonic(): MonotonicNanoseconds;
  /** In [0, 1): spreads what many agents would do at the same time. */
  random(): number;
}

/** Everything a component may do to the world; a test fakes this one object. */
export interface Host extends ServiceHost {
  /** The signals that the pipelines take from this component; no other needs to be made. */
  readonly signals: ReadonlySet<Signal>;
}

/** The part of a `Host` that services have too. */
export interface ServiceHost {
  /** The component's id in the configuration, `type` or `type/name`; of a service its own. */
  readonly id: string;
  readonly log: Logger;
  readonly counters: Counters;
  readonly clock: Clock;
  readonly machine: Machine;
  readonly kernel: Kernel;
  /** A service of the agent, opened at its first use and closed after all components that use it. */
  use<T extends Closable>(service: ServiceRef<T>): Promise<T>;
  /** One with settings from its user: all that name the same key share an instance. */
  use<T extends Closable, Settings>(service: ServiceRef<T, Settings>, by: UsedBy<Settings>): Promise<T>;
}

export interface UsedBy<Settings> {
  /** Usually the id of the component. */
  readonly key: string;
  readonly settings: Settings;
}

/** Names a service and its type: what several components use, once in an agent. */
export interface ServiceRef<T extends Closable, Settings = undefined> {
  readonly id: string;
  open(host: ServiceHost, settings: Settings): Promise<T & Running>;
}

/** Infers the types of a service from its `open`. */
export const serviceRef = <T extends Running, Settings = undefined>(
  of: ServiceRef<T, Settings>,
): ServiceRef<T, Settings> => of;

export interface Closable {
  /** Idempotent. */
  close(): Promise<void>;
}

/** What every opened component and service may have. The runtime owns all time. */
export interface Running extends Closable {
  readonly tasks?: readonly Task[];
  /** New settings for it. `restart`, or without this function: it is closed and another one opened. */
  reconfigure?(config: unknown): Promise<'applied' | 'restart'>;
}

/** Periodic work that yields no batches. An overrun is skipped and counted, a failure counted and shown in the health. */
export interface Task {
  readonly name: string;
  readonly every: Nanoseconds;
  /** `abort` fires when the agent no longer waits for it. */
  run(abort: AbortSignal): void | Promise<void>;
}

/** What batches come from: their way goes on behind it. */
export interface Producer extends Running {
  readonly pulls?: readonly Pull[];
  /** After the last batch, at shutdown or when another graph takes over: what it still holds. */
  flush?(): readonly Batch[];
}

/** Periodic work that yields batches. An overrun is skipped and counted; at shutdown each is collected once more. */
export interface Pull {
  readonly name: string;
  readonly every: Nanoseconds;
  collect(): readonly Batch[] | Promise<readonly Batch[]>;
}

/** Pulled, never pushing. */
export interface Receiver extends Producer {}

/** A function of a batch; its result goes on, an empty batch ends there. */
export interface Processor extends Producer {
  process(batch: Batch): Batch;
}

/** The end of one pipeline and the beginning of others. */
export interface Connector extends Producer {
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
export interface Exporter extends Running {
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
  open(config: Static<Schema>, host: Host): Promise<Running>;
}

export type Component =
  | ReceiverComponent
  | ProcessorComponent
  | ConnectorComponent
  | ExporterComponent
  | ExtensionComponent;
