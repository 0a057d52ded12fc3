import type { Logger } from 'pino';

/** Which components are in trouble; every change is logged, a trouble that stays is not. */
export class Health {
  readonly #troubles = new Map<string, string>();
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** By component (`receiver scheduler`), what is wrong with it. */
  get troubles(): ReadonlyMap<string, string> {
    return this.#troubles;
  }

  unhealthy(component: string, reason: string, log: { sentence: string; fields?: object }): void {
    if (this.#troubles.get(component) === reason) return;
    this.#troubles.set(component, reason);
    this.#log.error({ ...logFields(component), error: reason, ...log.fields }, log.sentence);
  }

  healthy(component: string): void {
    if (this.#troubles.delete(component)) this.#log.info(logFields(component), 'Component has recovered.');
  }
}

/** A component (`receiver scheduler`) in the Collector's log fields. */
export function logFields(component: string): Readonly<Record<string, string>> {
  const [kind = '', id = ''] = component.split(' ');
  return { 'otelcol.component.id': id, 'otelcol.component.kind': kind };
}

export const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
