import type { Resource } from '@opentelemetry/resources';
import type { Logger } from 'pino';
import type { Static, TObject } from 'typebox';
import type { BpfHost, BpfUse } from './bpf/bpf.ts';
import type { Clock } from './machine/clock.ts';
import type { Machine } from './machine/machine.ts';
import type { Store } from './store.ts';
import type { Batch, Signal } from './telemetry/batch.ts';
import type { Counters } from './telemetry/counters.ts';
import type { Emits } from './telemetry/emits.ts';
import type { Subject, Trouble } from './telemetry/health.ts';
import type { OtlpEncoding } from './telemetry/otlp-codec.ts';
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
  /** Other types that work, each with a warning. */
  readonly aliases?: readonly string[];
  /** One sentence for `earshot components` and the reference page. */
  readonly summary: string;
  readonly config: Schema;
  /** Services that it uses and that have settings of their own in the configuration. */
  readonly uses?: readonly Configurable[];
  /** Its metrics, events, attributes and counters; `docs/METRICS.md` lists them. */
  readonly emits?: Emits;
  /** Without that it cannot do anything: the agent looks whether it is there before anything opens. */
  readonly bpf?: BpfUse;
  /** At most one instance in a configuration: it holds something of which there is one, on the machine or at its place. */
  readonly exclusive?: boolean;
  /** It has an endpoint or a file to itself: an instance is closed before another one with its id opens. */
  readonly ownsPlace?: boolean;
  /** What is wrong with a configuration that fits the schema. Opens and changes nothing. */
  check?(config: Static<Schema>): readonly ConfigProblem[];
  /** Paths of files that `open` and `reconfigure` read: where one has changed, the settings count as changed. */
  files?(config: Static<Schema>): readonly string[];
}

/** The Collector's levels of stability. */
export type Stability = 'development' | 'alpha' | 'beta' | 'stable';

/** The signals that a component supports, each with its stability. */
export type StabilityBySignal = Readonly<Partial<Record<Signal, Stability>>>;

/** The loader adds where in the files it is. */
export interface ConfigProblem {
  /** Keys inside the component's configuration. */
  readonly path: readonly string[];
  readonly message: string;
}

/** Everything a component may do to the world; a test fakes this one object. */
export interface Host extends ServiceHost {
  /** The signals that the pipelines take from this component; no other needs to be made. */
  readonly signals: ReadonlySet<Signal>;
  /** The component's own store, by the id of the storage that its settings name (`storageId`). */
  openStore(storage: string): Promise<Store>;
  /** The one of an id that its settings name (`authKey`). */
  authenticator(id: string): Authenticator;
}

export interface ExtensionHost extends Host {
  readonly agent: Introspection;
}

/** What an extension sees of the agent. Complete when the agent has started, not while the extension opens. */
export interface Introspection {
  health(): AgentHealth;
  graph(): GraphView;
  /** Shows each batch that passes an edge, in this graph and in those that come after it. */
  tap(edge: GraphEdge, take: (batch: Batch) => void): Closable;
  /** The configuration as it takes effect, as YAML without secrets. */
  config(): string;
  /** Reads the configuration again and applies it; where it cannot, it rejects and nothing has changed. Not for `open`. */
  reload(): Promise<Applied>;
}

export interface AgentHealth {
  readonly phase: 'starting' | 'ready' | 'stopping';
  /** When this phase began. */
  readonly since: UnixNanoseconds;
  readonly troubles: readonly Trouble[];
}

export interface GraphView {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
}

export interface GraphNode {
  /** `processor metrics workload`; in the edges. */
  readonly key: string;
  readonly kind: Subject['kind'];
  readonly id: string;
  /** Of a processor. */
  readonly pipeline?: string;
}

export interface GraphEdge {
  readonly from: string;
  readonly to: string;
  readonly signal: Signal;
}

/** Keys of instances by what a change of the configuration did to them; a restarted one is closed and opened. */
export interface Applied {
  readonly opened: readonly string[];
  readonly closed: readonly string[];
  readonly reconfigured: readonly string[];
  readonly kept: readonly string[];
}

/** The part of a `Host` that services have too. */
export interface ServiceHost {
  /** The component's id in the configuration, `type` or `type/name`; of a service its own. */
  readonly id: string;
  readonly log: Logger;
  readonly counters: Counters;
  readonly clock: Clock;
  readonly machine: Machine;
  /** The agent itself, as a resource of what it tells about itself. */
  readonly ownResource: Resource;
  readonly bpf: BpfHost;
  /** Whether work ended within a limit; rethrows its error. What lasts longer goes on. */
  endsWithin(limit: Nanoseconds, work: Promise<unknown>): Promise<boolean>;
  /** The settings of a service, by the `hostKeys` that it brings. */
  hostSettings<Keys extends TObject>(hostKeys: Keys): Static<Keys>;
  /** A service of the agent, opened at its first use and closed after all components that use it. */
  use<T extends Closable>(service: ServiceRef<T>): Promise<T>;
  /** One with settings from its user: all that name the same key share an instance. */
  use<T extends Closable, Settings>(service: ServiceRef<T, Settings>, by: UsedBy<Settings>): Promise<T>;
}

export interface UsedBy<Settings> {
  /** Usually the id of the component. Users whose settings in the configuration differ share nothing. */
  readonly key: string;
  readonly settings: Settings;
}

export interface Configurable {
  /** What it adds to the keys of `service::host`: settings of the machine, whichever components use the service. */
  readonly hostKeys?: TObject;
}

/** Names a service and its type: what several components use, once in an agent. */
export interface ServiceRef<T extends Closable, Settings = undefined> extends Configurable {
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
  /** New settings for it. `restart`, or without this function: it is closed and another one opened. Rejects: it keeps the former. */
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
  /** After that, within the deadline of the end and a second at least: keeps what the next run needs. `close` does not wait for it. */
  save?(): Promise<void>;
}

/** Periodic work that yields batches. An overrun is skipped and counted; at shutdown each is collected once more. */
export interface Pull {
  readonly name: string;
  readonly every: Nanoseconds;
  collect(): readonly Batch[] | Promise<readonly Batch[]>;
}

/** Pulled; one to which others send hands over what comes. */
export interface Receiver extends Producer {
  /**
   * Called once, when everything behind it runs: from then on what comes is handed over. Before, nothing may be taken; after
   * `stopListening` all is turned away.
   */
  listen?(deliver: Deliver): void;
  /** At shutdown, or when another graph takes over: takes no more, and resolves when all that was taken is answered. */
  stopListening?(): Promise<void>;
}

/**
 * Hands a batch over, and resolves with what became of it: once each exporter has it in its queue, or, where it has none or
 * waits for the result, has delivered or lost it. The worst of several. `retry`: it is not lost, its sender has it still and
 * sends it again.
 */
export type Deliver = (batch: Batch, origin?: Origin) => Promise<Outcome>;

/** Of what was sent to a receiver. */
export interface Origin {
  readonly transport?: string;
}

/** A function of a batch; its result, or all of its results, go on, an empty batch ends there. */
export interface Processor<Result extends Processed = Batch> extends Producer {
  process(batch: Batch): Result;
  /** Why it takes no batch now, and is unhealthy; it logs that itself. Those that come are lost, unless their sender sends them again. */
  refusal?(): Failure | undefined;
}
export type Processed = Batch | readonly Batch[];

export const resultsOf = (processed: Processed): readonly Batch[] => [processed].flat();

/** The end of one pipeline and the beginning of others. */
export interface Connector extends Producer {
  connect(batch: Batch): readonly Batch[];
}

/** What the queue holds: encoded once, sent as often as needed. */
export interface Payload {
  readonly signal: Signal;
  readonly bytes: Uint8Array;
  /** Data points, log records or spans inside. */
  readonly items: number;
  /** Of the bytes, where the exporter has several: a queue on disk outlives a change of the configuration. */
  readonly encoding?: OtlpEncoding;
}

/** Why a destination did not take something. */
export interface Failure {
  readonly reason: string;
  /** What stays the same where the words of the reason vary, so that repetitions are found by it. */
  readonly code?: string;
}

export type Outcome =
  | { readonly kind: 'accepted' }
  /** The destination kept the rest; what it rejected must not be sent again. With 0 it only warns. */
  | { readonly kind: 'partial'; readonly rejected: number; readonly reason: string }
  | ({ readonly kind: 'retry'; readonly after?: Nanoseconds } & Failure)
  | ({ readonly kind: 'refused' } & Failure);

/**
 * For a destination that is somewhere else: encodes before the queue, sends after it, never sleeps, never throws for what
 * a destination does. The runtime owns timeout, queue and retry, with their keys in the configuration.
 */
export interface RequestExporter extends Running {
  encode(batch: Batch): readonly Payload[];
  send(payload: Payload, attempt: Attempt): Promise<Outcome>;
}

export interface Attempt {
  /** From the runtime: nobody waits for the answer any more. */
  readonly abort: AbortSignal;
  /** After which it aborts; 0: never. */
  readonly timeout: Nanoseconds;
}

/** For this machine (a terminal, a file): batches come in order, one at a time, each once; a rejection is a loss. */
export interface LocalExporter extends Running {
  write(batch: Batch): Promise<void>;
}

/** Holds state that others fetch: batches come as they are made; a batch that makes it throw is lost. */
export interface HeldExporter extends Running {
  take(batch: Batch): Held;
}

/** What of a batch became part of the state. */
export type Held = Extract<Outcome, { readonly kind: 'accepted' | 'partial' }>;

export type Exporter = RequestExporter | LocalExporter | HeldExporter;

export interface ReceiverComponent<Schema extends TObject = TObject> extends Described<'receiver', Schema> {
  readonly stability: StabilityBySignal;
  open(config: Static<Schema>, host: Host): Promise<Receiver>;
}
export interface ProcessorComponent<Schema extends TObject = TObject, Result extends Processed = Batch>
  extends Described<'processor', Schema> {
  readonly stability: StabilityBySignal;
  open(config: Static<Schema>, host: Host): Promise<Processor<Result>>;
}
/** A signal that a connector consumes and the one that it emits for it. */
export interface Connection {
  readonly from: Signal;
  readonly to: Signal;
  readonly stability: Stability;
}
export interface ConnectorComponent<Schema extends TObject = TObject> extends Described<'connector', Schema> {
  readonly connects: readonly Connection[];
  open(config: Static<Schema>, host: Host): Promise<Connector>;
}
interface DescribedExporter<Schema extends TObject> extends Described<'exporter', Schema> {
  readonly stability: StabilityBySignal;
  /** It exports to standard output, and to nothing else. */
  readonly prints?: true;
}
export interface RequestExporterComponent<Schema extends TObject = TObject>
  extends DescribedExporter<Schema> {
  readonly shape: 'request';
  /** Defaults of the keys that the runtime adds. */
  readonly delivery: { readonly timeout: string };
  open(config: Static<Schema>, host: Host): Promise<RequestExporter>;
}
export interface LocalExporterComponent<Schema extends TObject = TObject> extends DescribedExporter<Schema> {
  readonly shape: 'local';
  open(config: Static<Schema>, host: Host): Promise<LocalExporter>;
}
export interface HeldExporterComponent<Schema extends TObject = TObject> extends DescribedExporter<Schema> {
  readonly shape: 'held';
  open(config: Static<Schema>, host: Host): Promise<HeldExporter>;
}
export type ExporterComponent = RequestExporterComponent | LocalExporterComponent | HeldExporterComponent;

/** Keeps bytes for components over restarts of the agent. */
export interface Storage extends Running {
  /** The store of one component, which no other sees; it is open once at a time. */
  openStore(component: string): Promise<Store>;
}

/** What exporters show to servers that ask for it. */
export interface Authenticator extends Running {
  /** Of one request, in small letters. Rejects where there are none now; the request may be sent later. */
  headers(): Promise<Readonly<Record<string, string>>>;
  /** A server has refused these: whether there are others now. Rejects likewise. */
  renew(refused: Readonly<Record<string, string>>): Promise<boolean>;
}

interface DescribedExtension<Schema extends TObject> extends Described<'extension', Schema> {
  readonly stability: Stability;
}
export interface PlainExtensionComponent<Schema extends TObject = TObject>
  extends DescribedExtension<Schema> {
  readonly provides?: never;
  open(config: Static<Schema>, host: ExtensionHost): Promise<Running>;
}
export interface StorageComponent<Schema extends TObject = TObject> extends DescribedExtension<Schema> {
  readonly provides: 'storage';
  open(config: Static<Schema>, host: ExtensionHost): Promise<Storage>;
}
export interface AuthenticatorComponent<Schema extends TObject = TObject> extends DescribedExtension<Schema> {
  readonly provides: 'authenticator';
  open(config: Static<Schema>, host: ExtensionHost): Promise<Authenticator>;
}
export type ExtensionComponent<Schema extends TObject = TObject> =
  | PlainExtensionComponent<Schema>
  | StorageComponent<Schema>
  | AuthenticatorComponent<Schema>;

export type Component =
  | ReceiverComponent
  | ProcessorComponent<TObject, Processed>
  | ConnectorComponent
  | ExporterComponent
  | ExtensionComponent;

/** The signals that a receiver, processor or exporter supports. */
export const signalsOf = ({ stability }: { readonly stability: StabilityBySignal }) =>
  Object.keys(stability) as readonly Signal[]; // its only keys
