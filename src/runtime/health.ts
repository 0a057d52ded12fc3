import type { Logger } from 'pino';
import type { Component } from '../component.ts';
import type { Signal } from '../telemetry/batch.ts';

/** A component that can be unhealthy, or one part of it. */
export interface Subject {
  readonly kind: Component['kind'] | 'service';
  readonly id: string;
  /** The pipeline of a processor. */
  readonly pipeline?: string;
  /** The signal that an exporter sends. */
  readonly signal?: Signal;
  /** One collection of it. */
  readonly pull?: string;
  /** One task of it. */
  readonly task?: string;
}

/** Components that are unhealthy; each change is logged once. */
export class Health {
  readonly #troubles = new Map<string, string>();
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Reasons by subject (`receiver scheduler (totals)`). */
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
