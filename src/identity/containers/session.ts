import { BackOff } from '../../net/back-off.ts';
import { type RequestError, requestError } from '../../net/request-error.ts';
import { type Nanoseconds, nanoseconds, seconds } from '../../telemetry/units.ts';
import { identityCounters } from '../emits.ts';
import type { LookupQueue } from '../lookup-queue.ts';
import type { SourceContext, SourceName } from '../source.ts';
import type { RuntimeClient, RuntimeEvent, RuntimeInfo } from './client.ts';
import type { RuntimeFacts } from './facts.ts';

/** While the runtime reports events, a list only repairs losses of the stream. */
const resyncFactorWithEvents = 10;
/** Minimum pause between requested lists, and the largest share of time they may take: the rarer of the two holds. */
const listPause = nanoseconds(200e6);
const listShare = 1 / 10;
/** A stream that lasted this long was a success: the next attempt comes at once. */
const goodStream = seconds(10);
const followPauses = { first: nanoseconds(250e6), last: seconds(60) };

export interface SessionOptions {
  readonly source: SourceName;
  readonly client: RuntimeClient;
  readonly resync: Nanoseconds;
  readonly facts: RuntimeFacts;
  readonly lookups: LookupQueue;
  readonly context: SourceContext;
  /** A list is complete. */
  onList(): void;
  /** The session is over; the next connection starts anew. */
  onFailure(error: RequestError): void;
}

/** One connection to a runtime, from the first request to the first failure. */
export class RuntimeSession {
  readonly #options: SessionOptions;
  readonly #refollow: BackOff;
  readonly #running = new Set<Promise<void>>();
  readonly #toInspect = new Set<string>();
  #runtimeInfo: RuntimeInfo | undefined;
  #hasEvents = false;
  #isOver = false;
  #isFollowing = false;
  #isListing = false;
  #isListWanted = false;
  #isInspecting = false;
  #inspecting: string | undefined;
  #listed = nanoseconds(0);
  #listTook = nanoseconds(0);

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#refollow = new BackOff(followPauses, options.context.random);
    this.#track(() => this.#handshake());
  }

  get runtime(): string | undefined {
    return this.#runtimeInfo?.runtime;
  }

  tick(now: Nanoseconds): void {
    if (!this.#runtimeInfo || this.#isOver) return;
    if (this.#hasEvents && !this.#isFollowing && this.#refollow.isDue(now)) this.#track(() => this.#follow());
    if (this.#listIsDue(now)) this.#track(() => this.#list());
    this.#inspectIfIdle();
  }

  /** Idempotent; resolves when all requests have ended. */
  async close(): Promise<void> {
    if (!this.#isOver) this.#options.client.close();
    this.#isOver = true;
    await Promise.allSettled([...this.#running]);
  }

  /** `close` waits for it; an error ends the session. */
  #track(work: () => Promise<void>): void {
    const running = work()
      .catch((error: unknown) => {
        if (this.#isOver) return;
        this.#isOver = true;
        this.#options.client.close();
        this.#options.onFailure(requestError(error));
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  async #handshake(): Promise<void> {
    const runtimeInfo = await this.#options.client.handshake();
    if (this.#isOver) return;
    this.#runtimeInfo = runtimeInfo;
    this.#hasEvents = runtimeInfo.hasEvents;
    // The stream first: it reports changes during the list.
    if (this.#hasEvents) this.#track(() => this.#follow());
    await this.#list();
  }

  #listIsDue(now: Nanoseconds): boolean {
    if (this.#isListing) return false;
    const resync = this.#options.resync * (this.#isFollowing ? resyncFactorWithEvents : 1);
    if (now >= this.#listed + resync) return true;
    const isWanted = this.#isListWanted || this.#options.lookups.isDue(now);
    return isWanted && now >= this.#listed + Math.max(listPause, this.#listTook / listShare);
  }

  async #list(): Promise<void> {
    const { client, facts, lookups, context, source } = this.#options;
    this.#isListing = true;
    this.#isListWanted = false;
    const started = context.elapsed();
    const asked = lookups.due(started);
    facts.startList();
    const listing = await client.list();
    if (this.#isOver) return;
    this.#isListing = false;
    this.#listed = context.elapsed();
    this.#listTook = nanoseconds(this.#listed - started);
    for (const id of facts.finishList(listing)) this.#toInspect.add(id);
    lookups.complete(asked, { now: this.#listed, isKnown: (key) => facts.has(key) });
    context.counters.add(identityCounters.sourceLists, 1, { source });
    if (listing.lacking) this.#count(listing.lacking.reason);
    this.#options.onList();
    this.#inspectIfIdle();
  }

  #inspectIfIdle(): void {
    if (!this.#isInspecting && this.#toInspect.size > 0) this.#track(() => this.#inspectAll());
  }

  /** One at a time: a list has the names already, and inspections cost the runtime. */
  async #inspectAll(): Promise<void> {
    this.#isInspecting = true;
    for (const id of this.#toInspect) {
      this.#toInspect.delete(id);
      this.#inspecting = id;
      try {
        const found = await this.#options.client.inspect(id);
        if (this.#isOver) return;
        // Unless it was removed meanwhile.
        if (this.#inspecting === id) this.#options.facts.addInspected(id, found);
      } catch (error) {
        if (this.#isOver) return;
        const { reason } = requestError(error);
        this.#count(reason);
        // The fault may be this container's alone; the next list yields the inspections that are left.
        if (reason === 'unreachable' || reason === 'connection_reset') this.#toInspect.clear();
      }
    }
    this.#isInspecting = false;
  }

  async #follow(): Promise<void> {
    const { client, context, source } = this.#options;
    this.#isFollowing = true;
    const started = context.elapsed();
    let isFruitful = false;
    let failure: RequestError | undefined;
    try {
      await client.follow((event) => {
        if (this.#isOver) return;
        isFruitful = true;
        this.#onEvent(event);
      });
    } catch (error) {
      failure = requestError(error);
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
      context.log.debug({ source, reason: failure.reason }, `event stream ended: ${failure.message}`);
    }
    if (isGood) this.#refollow.reset();
    this.#refollow.postpone(now);
    // Changes without a stream are in the next list, which also shows whether the runtime still answers.
    this.#isListWanted = true;
  }

  #onEvent(event: RuntimeEvent): void {
    const { facts } = this.#options;
    if (event.kind === 'updated') facts.update(event);
    else if (event.kind === 'gone') {
      facts.markGone(event.id);
      this.#toInspect.delete(event.id);
      if (this.#inspecting === event.id) this.#inspecting = undefined;
    } else {
      this.#toInspect.add(event.id);
      this.#inspectIfIdle();
    }
  }

  #count(reason: string): void {
    const { context, source } = this.#options;
    context.counters.add(identityCounters.sourceErrors, 1, { source, reason });
  }
}
