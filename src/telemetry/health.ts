import type { Logger } from 'pino';
import type { Signal } from './batch.ts';

/** A component that can be unhealthy, or one part of it. */
export interface Subject {
  readonly kind: 'receiver' | 'processor' | 'connector' | 'exporter' | 'extension' | 'service';
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

/** Why a component, or one part of it, is unhealthy. */
export interface Trouble {
  readonly subject: Subject;
  readonly reason: string;
}

type Reason = () => string | undefined;

/** Components that are unhealthy; each change is logged once. */
export class Health {
  /** Those that the log has, in these or in other words, are logged. */
  readonly #troubles = new Map<string, Trouble & { readonly isLogged: boolean }>();
  readonly #watched = new Map<string, { readonly subject: Subject; readonly reason: Reason }>();
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Reasons by subject (`receiver scheduler (totals)`). */
  get troubles(): ReadonlyMap<string, string> {
    return new Map(this.list.map(({ subject, reason }) => [nameOf(subject), reason]));
  }

  get list(): readonly Trouble[] {
    return [
      ...[...this.#troubles.values()].map(({ subject, reason }) => ({ subject, reason })),
      ...[...this.#watched.values()].flatMap(({ subject, reason: reasonOf }) => {
        const reason = reasonOf();
        return reason === undefined ? [] : [{ subject, reason }];
      }),
    ];
  }

  /** Unhealthy whenever there is a reason, until it is forgotten. The component logs that itself. */
  watch(subject: Subject, reason: Reason): void {
    this.#watched.set(nameOf(subject), { subject, reason });
  }

  /** Without `log` it is not logged, and neither is the recovery of what was never logged. */
  unhealthy(subject: Subject, reason: string, log?: { sentence: string; fields?: object }): void {
    const name = nameOf(subject);
    const { reason: former, isLogged = false } = this.#troubles.get(name) ?? {};
    if (former === reason && (isLogged || log === undefined)) return;
    this.#troubles.set(name, { subject, reason, isLogged: isLogged || log !== undefined });
    if (log) this.#log.error({ ...logFields(subject), error: reason, ...log.fields }, log.sentence);
  }

  healthy(subject: Subject): void {
    const name = nameOf(subject);
    const trouble = this.#troubles.get(name);
    this.#troubles.delete(name);
    if (trouble?.isLogged) this.#log.info(logFields(subject), 'Component has recovered.');
  }

  /** A component was closed: nothing of it is unhealthy any more. */
  forget({ kind, id, pipeline }: Subject): void {
    for (const troubles of [this.#troubles, this.#watched])
      for (const [name, { subject }] of troubles)
        if (subject.kind === kind && subject.id === id && subject.pipeline === pipeline)
          troubles.delete(name);
  }
}

const partOf = ({ signal, pull, task }: Subject) => signal ?? pull ?? task;

function nameOf(subject: Subject): string {
  const { kind, id, pipeline } = subject;
  const part = partOf(subject);
  return [kind, pipeline, id, part && `(${part})`].filter(Boolean).join(' ');
}

/** Of one component in one line, each reason with the part that it is about. */
export const reasonsOf = (troubles: readonly Trouble[]): string =>
  troubles.map(({ subject, reason }) => [partOf(subject), reason].filter(Boolean).join(': ')).join('; ');

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
