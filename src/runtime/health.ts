import type { Logger } from 'pino';
import type { Component } from '../component.ts';
import type { Signal } from '../telemetry/batch.ts';

/** What can be in trouble: a component, or the part of it that does one thing. */
export interface Subject {
  readonly kind: Component['kind'] | 'service';
  readonly id: string;
  /** The pipeline of a processor. */
  readonly pipeline?: string;
  /** What an exporter sends. */
  readonly signal?: Signal;
  /** One collection of it. */
  readonly pull?: string;
  /** One task of it. */
  readonly task?: string;
}

/** Which components are in trouble; every change is logged, a trouble that stays is not. */
export class Health {
  readonly #troubles = new Map<string, string>();
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** By subject (`receiver scheduler (totals)`), what is wrong with it. */
  get troubles(): ReadonlyMap<string, string> {
    return this.#troubles;
  }

  unhealthy(subject: Subject, reason: string, log: { sentence: string; fields?: object }): void {
    const name = nameOf(subject);
    if (this.#troubles.get(name) === reason) return;
    this.#troubles.set(name, reason);
    this.#log.error({ ...logFields(subject), error: reason, ...log.fields }, log.sentence);
  }

  healthy(subject: Subject): void {
    if (this.#troubles.delete(nameOf(subject)))
      this.#log.info(logFields(subject), 'Component has recovered.');
  }
}

function nameOf({ kind, id, pipeline, signal, pull, task }: Subject): string {
  const part = signal ?? pull ?? task;
  return [kind, pipeline, id, part && `(${part})`].filter(Boolean).join(' ');
}

/** A component in the Collector's log fields. */
export const logFields = ({ kind, id, pipeline, signal, pull, task }: Subject) => ({
  'otelcol.component.id': id,
  'otelcol.component.kind': kind,
  ...(pipeline !== undefined && { 'otelcol.pipeline.id': pipeline }),
  ...(signal !== undefined && { 'otelcol.signal': signal }),
  ...(pull !== undefined && { collect: pull }),
  ...(task !== undefined && { task }),
});

export const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
