import { type Nanoseconds, nanoseconds, seconds } from '../../../telemetry/units.ts';
import { counterNames } from '../../../telemetry/vocabulary.ts';
import type { Source, SourceContext, SourceName, SourceState } from '../source.ts';
import { BackOff } from './back-off.ts';
import type { Greeting, RuntimeClient } from './runtime-client.ts';
import { RuntimeFacts } from './runtime-facts.ts';
import type { Socket } from './sockets.ts';
import { type FailureReason, sourceError } from './source-error.ts';
import { Unanswered } from './unanswered.ts';

export interface RuntimeOptions {
  readonly name: SourceName;
  /** Time between lists where nothing else asks for one. */
  readonly resync: Nanoseconds;
  /** Undefined: there is none that may be fit. */
  find(isUnfit: (socket: Socket) => boolean): Socket | undefined;
  connect(path: string): RuntimeClient;
}

/** Where events come as well, a list only repairs what a stream may have lost. */
const resyncFactorWithEvents = 10;
/** Lists that somebody waits for may follow one another so closely, or take this share of the time: whichever is rarer. */
const listPause = nanoseconds(200e6);
const listShare = 1 / 10;
/** A stream that lasted so long was a good one: the next attempt comes at once. */
const goodStream = seconds(10);

/** A container runtime behind a unix socket: found, listed, followed, and found again after whatever it does. */
export class RuntimeSource implements Source {
  readonly name: SourceName;
  readonly #options: RuntimeOptions;
  readonly #context: SourceContext;
  readonly #facts: RuntimeFacts;
  readonly #unanswered: Unanswered;
  readonly #search: BackOff;
  readonly #retry: BackOff;
  readonly #refollow: BackOff;
  #state: SourceState = 'connecting';
  #reason: string | undefined;
  #session: Session | undefined;
  #failedSocket: string | undefined;
  /** Sockets at which somebody else answers, until they are made anew. */
  readonly #unfit = new Set<string>();
  #unfitReason: string | undefined;
  #logged: string | undefined;
  #isClosed = false;

  constructor(options: RuntimeOptions, context: SourceContext) {
    this.name = options.name;
    this.#options = options;
    this.#context = context;
    this.#facts = new RuntimeFacts(context.facts);
    this.#unanswered = new Unanswered(options.resync, context.random);
    this.#search = new BackOff({ first: seconds(1), last: seconds(30) }, context.random);
    this.#retry = new BackOff({ first: nanoseconds(250e6), last: seconds(30) }, context.random);
    this.#refollow = new BackOff({ first: nanoseconds(250e6), last: seconds(60) }, context.random);
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
    const session = this.#session;
    if (!session) this.#connectIfDue(now);
    else if (session.greeting) {
      if (session.hasEvents && !session.isFollowing && this.#refollow.isDue(now)) void this.#follow(session);
      if (this.#listIsDue(session, now)) void this.#list(session);
      this.#lookIfIdle(session);
    }
  }

  want({ containerId, podUid }: { readonly containerId?: string; readonly podUid?: string }): void {
    if (this.#isClosed || this.#state === 'absent') return;
    const now = this.#context.elapsed();
    const news = [
      containerId !== undefined && !this.#facts.knowsContainer(containerId) && `container ${containerId}`,
      podUid !== undefined && !this.#facts.knowsPod(podUid) && `pod ${podUid}`,
    ].filter((key) => key !== false);
    for (const key of news) this.#unanswered.ask(key, now);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const session = this.#session;
    this.#session = undefined;
    session?.client.close();
    await Promise.allSettled([...(session?.running ?? [])]);
  }

  #connectIfDue(now: Nanoseconds): void {
    const isSearching = this.#state === 'absent';
    if (isSearching && !this.#search.isDue(now)) return;
    const socket = this.#options.find(({ identity }) => this.#unfit.has(identity));
    if (!socket) {
      this.#search.postpone(now);
      const isThere = this.#options.find(() => false) !== undefined;
      this.#enter('absent', (isThere && this.#unfitReason) || 'its socket is not there');
      return;
    }
    // Whoever listens has started anew: what was wrong may be over.
    if (socket.identity !== this.#failedSocket) this.#retry.reset();
    if (!this.#retry.isDue(now)) return;
    this.#search.reset();
    this.#refollow.reset();
    if (this.#state === 'absent') this.#enter('connecting', undefined);
    const session = new Session(this.#options.connect(socket.path), socket);
    this.#session = session;
    void this.#run(session, () => this.#greet(session));
  }

  async #greet(session: Session): Promise<void> {
    session.greeting = await session.client.greet();
    session.hasEvents = session.greeting.hasEvents;
    if (this.#session !== session) return;
    // The stream first: what happens while the list is made is then told.
    if (session.hasEvents) void this.#follow(session);
    await this.#list(session);
  }

  #listIsDue(session: Session, now: Nanoseconds): boolean {
    if (session.isListing) return false;
    const resync = this.#options.resync * (session.isFollowing ? resyncFactorWithEvents : 1);
    if (now >= session.listed + resync) return true;
    const isWanted = session.isListWanted || this.#unanswered.isDue(now);
    return isWanted && now >= session.listed + Math.max(listPause, session.listTook / listShare);
  }

  #list(session: Session): Promise<void> {
    session.isListing = true;
    session.isListWanted = false;
    const started = this.#context.elapsed();
    return this.#run(session, async () => {
      const asked = this.#unanswered.asked(started);
      this.#facts.startList();
      const listing = await session.client.list();
      if (this.#session !== session) return;
      const ended = this.#context.elapsed();
      session.isListing = false;
      session.listed = ended;
      session.listTook = nanoseconds(ended - started);
      this.#context.counters.add(counterNames.sourceLists, 1, { source: this.name });
      const isRefresh = started >= session.refreshed + this.#options.resync;
      if (isRefresh) session.refreshed = started;
      for (const id of this.#facts.finishList(listing, { isRefresh })) session.toLook.add(id);
      this.#unanswered.answer(asked, { now: ended, isKnown: (key) => this.#isKnown(key) });
      this.#retry.reset();
      this.#failedSocket = undefined;
      this.#enter('ready', undefined, session);
      this.#lookIfIdle(session);
    });
  }

  #isKnown(key: string): boolean {
    const [kind, id = ''] = key.split(' ');
    return kind === 'pod' ? this.#facts.knowsPod(id) : this.#facts.knowsContainer(id);
  }

  #lookIfIdle(session: Session): void {
    if (!session.isLooking && session.toLook.size > 0) void this.#lookAtAll(session);
  }

  /** One after the other: what a list says already is enough for a name, and the runtime has better things to do. */
  async #lookAtAll(session: Session): Promise<void> {
    session.isLooking = true;
    await session.track(async () => {
      for (const id of session.toLook) {
        session.toLook.delete(id);
        try {
          const facts = await session.client.look(id);
          if (this.#session !== session) return;
          this.#facts.seen(id, facts);
        } catch (error) {
          if (this.#session !== session) return;
          const { reason } = sourceError(error);
          this.#count(reason);
          // The runtime may be well and only this container not; the next list says what is left to look at.
          if (reason === 'refused' || reason === 'cut') session.toLook.clear();
        }
      }
    });
    session.isLooking = false;
  }

  async #follow(session: Session): Promise<void> {
    session.isFollowing = true;
    const started = this.#context.elapsed();
    let failure: unknown;
    let isFruitful = false;
    await session.track(async () => {
      try {
        await session.client.follow((event) => {
          if (this.#session !== session) return;
          isFruitful = true;
          if (event.kind === 'gone') this.#facts.gone(event.id);
          else if (event.kind === 'told') this.#facts.tell(event);
          else {
            session.toLook.add(event.id);
            this.#lookIfIdle(session);
          }
        });
      } catch (error) {
        failure = error;
      }
    });
    session.isFollowing = false;
    if (this.#session !== session) return;
    const now = this.#context.elapsed();
    if (isFruitful || now - started >= goodStream) this.#refollow.reset();
    const { reason, message } = sourceError(failure ?? new Error('the stream ended'));
    // CRI-O ends a stream at once if its events are switched off.
    if (reason === 'unimplemented' || (!failure && !isFruitful && now - started < goodStream)) {
      session.hasEvents = false;
      return;
    }
    if (failure) {
      this.#count(reason);
      this.#context.log.debug({ source: this.name, reason }, `events are cut: ${message}`);
    }
    this.#refollow.postpone(now);
    // What happened meanwhile, and whether the runtime is there at all.
    session.isListWanted = true;
  }

  /** An error ends the session: whatever is wrong, a new connection is a new beginning. */
  #run(session: Session, work: () => Promise<void>): Promise<void> {
    return session.track(async () => {
      try {
        await work();
      } catch (error) {
        if (this.#session !== session) return;
        const { reason, message } = sourceError(error);
        this.#session = undefined;
        session.client.close();
        // As containerd does without its CRI plugin, and Podman at Docker's socket: not what is looked for.
        if (reason === 'unimplemented' && !session.greeting) {
          this.#unfit.add(session.socket.identity);
          this.#unfitReason = message;
          return;
        }
        this.#failedSocket = session.socket.identity;
        this.#retry.postpone(this.#context.elapsed());
        this.#count(reason);
        this.#enter('failing', message, session);
      }
    });
  }

  #count(reason: FailureReason): void {
    this.#context.counters.add(counterNames.sourceErrors, 1, { source: this.name, reason });
  }

  /** A log line where something changes, not for each retry. */
  #enter(state: SourceState, reason: string | undefined, session?: Session): void {
    this.#state = state;
    this.#reason = reason;
    const what = `${state} ${reason}`;
    if (what === this.#logged || state === 'connecting') return;
    this.#logged = what;
    const fields = { source: this.name, ...(session && { socket: session.socket.path }) };
    const { log } = this.#context;
    if (state === 'ready') log.info({ ...fields, runtime: session?.greeting?.runtime }, 'source is ready');
    else if (state === 'absent') log.debug(fields, `source is absent: ${reason}`);
    else log.warn(fields, `cannot read containers from ${this.name}: ${reason}`);
  }
}

/** From a connection to its first failure. */
class Session {
  readonly client: RuntimeClient;
  readonly socket: Socket;
  readonly toLook = new Set<string>();
  readonly running = new Set<Promise<void>>();
  greeting: Greeting | undefined;
  hasEvents = false;
  isFollowing = false;
  isListing = false;
  isListWanted = false;
  isLooking = false;
  listed = nanoseconds(0);
  listTook = nanoseconds(0);
  /** When what may change was last looked at. */
  refreshed = nanoseconds(0);

  constructor(client: RuntimeClient, socket: Socket) {
    this.client = client;
    this.socket = socket;
  }

  /** What `close` waits for; the work catches its own errors. */
  track(work: () => Promise<void>): Promise<void> {
    const running = work().finally(() => this.running.delete(running));
    this.running.add(running);
    return running;
  }
}
