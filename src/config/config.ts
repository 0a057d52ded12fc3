import type { Static, TObject } from 'typebox';
import type { Component } from '../component.ts';
import type { Signal } from '../telemetry/batch.ts';
import type { Path, Problem } from './config-error.ts';
import type { Delivery } from './schema/delivery.ts';
import type { serviceSchema } from './schema/file-schema.ts';
import type { Files } from './text/files.ts';

/** A configuration that was checked: every id in it names something, every value is typed, every default is there. */
export interface Config {
  readonly receivers: ById<'receiver'>;
  readonly processors: ById<'processor'>;
  readonly connectors: ById<'connector'>;
  readonly exporters: ById<'exporter'>;
  readonly extensions: ById<'extension'>;
  readonly pipelines: readonly Pipeline[];
  /** Ids of the extensions to start, in order. */
  readonly started: readonly string[];
  /** With the keys that services bring. */
  readonly host: Static<typeof serviceSchema>['host'] & Readonly<Record<string, unknown>>;
  readonly hostSchema: TObject;
  readonly telemetry: Static<typeof serviceSchema>['telemetry'];
  /** Odd, but no reason not to start. */
  readonly warnings: readonly Problem[];
  /** All that it was read from, and what its components read. */
  readonly files: Files;
  /** Where what stands at a path was written, as `a.yaml:3`; undefined: nowhere, it is a default. Only where it was asked for. */
  readonly originOf?: (path: Path) => string | undefined;
}

export type ById<Kind extends Component['kind']> = ReadonlyMap<
  string,
  Configured<Extract<Component, { kind: Kind }>>
>;

export interface Configured<C extends Component> {
  readonly component: C;
  /** What the component's own schema describes. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Those that it reads, as they were. */
  readonly files?: Files;
  /** Of an exporter that sends requests. */
  readonly delivery?: Delivery;
}

export interface Pipeline {
  /** The signal, or `signal/name`. */
  readonly id: string;
  readonly signal: Signal;
  readonly receivers: readonly string[];
  readonly processors: readonly string[];
  readonly exporters: readonly string[];
}
