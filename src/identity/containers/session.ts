import { BackOff } from '../../net/back-off.ts';
import { type Nanoseconds, nanoseconds, seconds } from '../../telemetry/units.ts';
import { identityCounters } from '../emits.ts';
import type { Unanswered } from '../lookup-queue.ts';
import type { SourceContext, SourceName } from '../source.ts';
import { type SourceError, sourceError } from '../source-error.ts';
import type { Greeting, RuntimeClient, RuntimeEvent } from './client.ts';
import type { RuntimeFacts } from './facts.ts';

/** Where events come as well, a list only repairs what a stream may have lost. */
const resyncFactorWithEvents = 10;
/** Lists that somebody waits for may follow one another so closely, or take this share of the time: whichever is rarer. */
const listPause = nanoseconds(200e6);
const listShare = 1 / 10;
/** A stream that lasted so long was a good one: the next attempt comes at once. */
const goodStream = seconds(10);
const followPauses = { first: nanoseconds(250e6), last: seconds(60) };

export interface SessionOptions {
  readonly source: SourceName;
  readonly client: RuntimeClient;
  readonly resync: Nanoseconds;
  readonly facts: RuntimeFacts;
  readonly unanswered: Unanswered;
  readonly context: SourceContext;
  /** A list is complete. */
  onList(): void;
  /** The session is over: whatever is wrong, a new connection is a new beginning. */
  onFailure(error: SourceError): void;
}

/** One connection to a runtime, from the first request to the first failure. */
export class RuntimeSession {
  readonly #options: SessionOptions;
  readonly #refollow: BackOff;
  readonly #running = new Set<Promise<void>>();
  readonly #toLook = new Set<string>();
  #greeting: Greeting | undefined;
  #hasEvents = false;
  #isOver = false;
  #isFollowing = false;
  #isListing = false;
  #isListWanted = false;
  #isLooking = false;
  #lookingAt: string | undefined;
  #listed = nanoseconds(0);
  #listTook = nanoseconds(0);

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#refollow = new BackOff(followPauses, options.context.random);
    this.#track(() => this.#greet());
  }

  get runtime(): string | undefined {
    return this.#greeting?.runtime;
  }

  tick(now: Nanoseconds): void {
    if (!this.#greeting || this.#isOver) return;
    if (this.#hasEvents && !this.#isFollowing && this.#refollow.isDue(now)) this.#track(() => this.#follow());
    if (this.#listIsDue(now)) this.#track(() => this.#list());
    this.#lookIfIdle();
  }

  /** Idempotent; resolves when nothing is under way any more. */
  async close(): Promise<void> {
    if (!this.#isOver) this.#options.client.close();
    this.#isOver = true;
    await Promise.allSettled([...this.#running]);
  }

  /** What `close` waits for. What it throws ends the session. */
  #track(work: () => Promise<void>): void {
    const running = work()
      .catch((error: unknown) => {
        if (this.#isOver) return;
        this.#isOver = true;
        this.#options.client.close();
        this.#options.onFailure(sourceError(error));
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  async #greet(): Promise<void> {
    const greeting = await this.#options.client.greet();
    if (this.#isOver) return;
    this.#greeting = greeting;
    this.#hasEvents = greeting.hasEvents;
    // The stream first: what happens while the list is made is then told.
    if (this.#hasEvents) this.#track(() => this.#follow());
    await this.#list();
  }

  #listIsDue(now: Nanoseconds): boolean {
    if (this.#isListing) return false;
    const resync = this.#options.resync * (this.#isFollowing ? resyncFactorWithEvents : 1);
    if (now >= this.#listed + resync) return true;
    const isWanted = this.#isListWanted || this.#options.unanswered.isDue(now);
    return isWanted && now >= this.#listed + Math.max(listPause, this.#listTook / listShare);
  }

  async #list(): Promise<void> {
    const { client, facts, unanswered, context, source } = this.#options;
    this.#isListing = true;
    this.#isListWanted = false;
    const started = context.elapsed();
    const asked = unanswered.asked(started);
    facts.startList();
    const listing = await client.list();
    if (this.#isOver) return;
    this.#isListing = false;
    this.#listed = context.elapsed();
    this.#listTook = nanoseconds(this.#listed - started);
    for (const id of facts.finishList(listing)) this.#toLook.add(id);
    unanswered.answer(asked, { now: this.#listed, isKnown: (what) => facts.knows(what) });
    context.counters.add(identityCounters.sourceLists, 1, { source });
    if (listing.lacking) this.#count(listing.lacking.reason);
    this.#options.onList();
    this.#lookIfIdle();
  }

  #lookIfIdle(): void {
    if (!this.#isLooking && this.#toLook.size > 0) this.#track(() => this.#lookAtAll());
  }

  /** One after the other: what a list says already is enough for a name, and the runtime has better things to do. */
  async #lookAtAll(): Promise<void> {
    this.#isLooking = true;
    for (const id of this.#toLook) {
      this.#toLook.delete(id);
      this.#lookingAt = id;
      try {
        const found = await this.#options.client.look(id);
        if (this.#isOver) return;
        // Unless it went meanwhile.
        if (this.#lookingAt === id) this.#options.facts.seen(id, found);
      } catch (error) {
        if (this.#isOver) return;
        const { reason } = sourceError(error);
        this.#count(reason);
        // The runtime may be well and only this container not; the next list says what is left to look at.
        if (reason === 'unreachable' || reason === 'connection_reset') this.#toLook.clear();
      }
    }
    this.#isLooking = false;
  }

  async #follow(): Promise<void> {
    const { client, context, source } = this.#options;
    this.#isFollowing = true;
    const started = context.elapsed();
    let isFruitful = false;
    let failure: SourceError | undefined;
    try {
      await client.follow((event) => {
        if (this.#isOver) return;
        isFruitful = true;
        this.#heed(event);
      });
    } catch (error) {
      failure = sourceError(error);
    }
    this.#isFollowing = false;
    if (this.#isOver) return;
    const now = context.elapsed();
    const isGood = isFruitful || now - started >= goodStream;
    // CRI-O ends a stream at once, and well, if its events are switched off.
    if (failure ? failure.reason === 'unimplemented' : !isGood) {
      this.#hasEvents = false;
      return;
    }
    if (failure) {
      this.#count(failure.reason);
      context.log.debug({ source, reason: failure.reason }, `events are cut: ${failure.message}`);
    }
    if (isGood) this.#refollow.reset();
    this.#refollow.postpone(now);
    // What happened meanwhile, and whether the runtime is there at all.
    this.#isListWanted = true;
  }

  #heed(event: RuntimeEvent): void {
    const { facts } = this.#options;
    if (event.kind === 'told') facts.tell(event);
    else if (event.kind === 'gone') {
      facts.gone(event.id);
      this.#toLook.delete(event.id);
      if (this.#lookingAt === event.id) this.#lookingAt = undefined;
    } else {
      this.#toLook.add(event.id);
      this.#lookIfIdle();
    }
  }

  #count(reason: string): void {
    const { context, source } = this.#options;
    context.counters.add(identityCounters.sourceErrors, 1, { source, reason });
  }
}
