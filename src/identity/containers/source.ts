import { BackOff } from '../../net/back-off.ts';
import type { RequestError } from '../../net/request-error.ts';
import { type Nanoseconds, nanoseconds, seconds } from '../../telemetry/units.ts';
import { identityCounters } from '../emits.ts';
import { LookupQueue } from '../lookup-queue.ts';
import type { Source, SourceContext, SourceName, SourceState } from '../source.ts';
import type { RuntimeClient } from './client.ts';
import { RuntimeFacts } from './facts.ts';
import { RuntimeSession } from './session.ts';
import type { Socket } from './sockets.ts';

export interface RuntimeOptions {
  readonly name: SourceName;
  /** Time between lists where nothing else asks for one. */
  readonly resync: Nanoseconds;
  /** Undefined: there is none that may be fit. */
  find(isUnfit: (socket: Socket) => boolean): Socket | undefined;
  connect(path: string): RuntimeClient;
}

/** A search for a socket costs a few microseconds. */
const searchPauses = { first: seconds(1), last: seconds(5) };
const retryPauses = { first: nanoseconds(250e6), last: seconds(30) };
const noAnswerYet = 'it has not answered yet';

/** A container runtime behind a unix socket: searched, listed, followed, and searched again after a failure. */
export class RuntimeSource implements Source {
  readonly name: SourceName;
  readonly #options: RuntimeOptions;
  readonly #context: SourceContext;
  readonly #facts: RuntimeFacts;
  readonly #lookups: LookupQueue;
  readonly #search: BackOff;
  readonly #retry: BackOff;
  #state: SourceState = 'connecting';
  #reason: string | undefined = noAnswerYet;
  #session: RuntimeSession | undefined;
  #failedSocket: string | undefined;
  /** Sockets of another service, until they are created anew. */
  readonly #unfit = new Set<string>();
  #unfitReason: string | undefined;
  #logged: string | undefined;
  #isClosed = false;

  constructor(options: RuntimeOptions, context: SourceContext) {
    this.name = options.name;
    this.#options = options;
    this.#context = context;
    this.#facts = new RuntimeFacts(context.facts);
    this.#lookups = new LookupQueue(options.resync, context.random);
    this.#search = new BackOff(searchPauses, context.random);
    this.#retry = new BackOff(retryPauses, context.random);
  }

  get state(): SourceState {
    return this.#state;
  }

  get reason(): string | undefined {
    return this.#reason;
  }

  tick(): void {
    if (this.#isClosed) return;
    const now = this.#context.elapsed();
    if (this.#session) this.#session.tick(now);
    else this.#connectIfDue(now);
  }

  requestLookup({ containerId, podUid }: { readonly containerId?: string; readonly podUid?: string }): void {
    if (this.#isClosed || this.#state === 'absent') return;
    const now = this.#context.elapsed();
    const keys = [
      ...(containerId === undefined ? [] : [`container ${containerId}`]),
      ...(podUid === undefined ? [] : [`pod ${podUid}`]),
    ];
    for (const key of keys) if (!this.#facts.has(key)) this.#lookups.request(key, now);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#session?.close();
  }

  #connectIfDue(now: Nanoseconds): void {
    if (this.#state === 'absent' && !this.#search.isDue(now)) return;
    const socket = this.#options.find(({ identity }) => this.#unfit.has(identity));
    if (!socket) {
      this.#search.postpone(now);
      const isThere = this.#options.find(() => false) !== undefined;
      this.#enter('absent', { reason: (isThere && this.#unfitReason) || 'its socket is not there' });
      return;
    }
    // A new socket is a restarted runtime: the failure may be over.
    if (socket.identity !== this.#failedSocket) this.#retry.reset();
    if (!this.#retry.isDue(now)) return;
    this.#search.reset();
    if (this.#state === 'absent') this.#enter('connecting', { reason: noAnswerYet });
    this.#connect(socket);
  }

  #connect(socket: Socket): void {
    const session = new RuntimeSession({
      source: this.name,
      client: this.#options.connect(socket.path),
      resync: this.#options.resync,
      facts: this.#facts,
      lookups: this.#lookups,
      context: this.#context,
      onList: () => {
        this.#retry.reset();
        this.#failedSocket = undefined;
        this.#enter('ready', { socket, runtime: session.runtime });
      },
      onFailure: (error) => {
        this.#session = undefined;
        if (error.reason === 'unimplemented' && session.runtime === undefined) this.#avoid(socket, error);
        else this.#fail(socket, error);
      },
    });
    this.#session = session;
  }

  /** Another service answers, as containerd without its CRI plugin, or Podman at Docker's socket: that is no failure. */
  #avoid(socket: Socket, { message }: RequestError): void {
    this.#unfit.add(socket.identity);
    this.#unfitReason = message;
  }

  #fail(socket: Socket, { reason, message }: RequestError): void {
    this.#failedSocket = socket.identity;
    this.#retry.postpone(this.#context.elapsed());
    this.#context.counters.add(identityCounters.sourceErrors, 1, { source: this.name, reason });
    this.#enter('failing', { socket, reason: message });
  }

  /** Logs changes of state, not each retry. */
  #enter(
    state: SourceState,
    {
      reason,
      socket,
      runtime,
    }: { readonly reason?: string; readonly socket?: Socket; readonly runtime?: string | undefined },
  ): void {
    this.#state = state;
    this.#reason = reason;
    const entered = `${state} ${reason}`;
    if (entered === this.#logged || state === 'connecting') return;
    this.#logged = entered;
    const { log } = this.#context;
    const fields = { source: this.name, ...(socket && { socket: socket.path }) };
    if (state === 'ready') log.info({ ...fields, runtime }, 'source is ready');
    else if (state === 'absent') log.debug(fields, `source is absent: ${reason}`);
    else log.warn(fields, `cannot read containers from ${this.name}: ${reason}`);
  }
}
