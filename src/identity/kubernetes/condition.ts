import { identityCounters } from '../emits.ts';
import type { SourceContext, SourceName, SourceState } from '../source.ts';
import type { KubeError } from './kube-error.ts';

/** The state of a source: logs changes and counts failures. */
export class Condition {
  readonly #name: SourceName;
  readonly #context: SourceContext;
  #state: SourceState = 'connecting';
  #reason: string | undefined;
  #wasReady = false;

  constructor(name: SourceName, context: SourceContext) {
    this.#name = name;
    this.#context = context;
  }

  get state(): SourceState {
    return this.#state;
  }

  get reason(): string | undefined {
    return this.#reason;
  }

  becomeReady(): void {
    if (this.#state !== 'ready') this.#context.log.info({ source: this.#name }, 'source is ready');
    this.#state = 'ready';
    this.#reason = undefined;
    this.#wasReady = true;
  }

  listed(): void {
    this.#context.counters.add(identityCounters.sourceLists, 1, { source: this.#name });
  }

  count({ reason }: KubeError): void {
    this.#context.counters.add(identityCounters.sourceErrors, 1, { source: this.#name, reason });
  }

  /** A source that was never there is absent, and not failing. */
  fail(error: KubeError): void {
    const state = error.reason === 'absent' && !this.#wasReady ? 'absent' : 'failing';
    if (state === 'failing') this.count(error);
    const { message } = error;
    const isNews = state !== this.#state || message !== this.#reason;
    this.#state = state;
    this.#reason = message;
    if (!isNews) return;
    const { log } = this.#context;
    if (state === 'absent') log.debug({ source: this.#name }, `source is absent: ${message}`);
    else
      log.warn(
        { source: this.#name, reason: error.reason },
        `cannot read pods from ${this.#name}: ${message}`,
      );
  }
}
