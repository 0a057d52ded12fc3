import type { Payload } from '../component.ts';
import type { LateChange, Store, StoreChange } from '../store.ts';
import { perSignal } from '../telemetry/batch.ts';
import type { Queue, Request } from './queue.ts';
import type { Room, Size } from './room.ts';

/** A request whose content is on disk; in memory alone where the disk does not take it. */
export interface StoredRequest extends Request, Pick<Payload, 'encoding'> {
  readonly size: number;
  readonly key: string;
  readonly payload?: Payload;
}

export interface StoredQueueOptions {
  readonly store: Store;
  readonly room: Room;
  /** Increases by itself from one agent to the next: names requests in their order. */
  now(): bigint;
  /** The disk does not take a request, or takes them again (undefined). */
  onStored(failure: unknown): void;
  /** So many requests on disk were written by another version of the agent; they stay there. */
  onUnreadable(requests: number): void;
}

export interface StoredQueue extends Queue<StoredRequest, Payload> {
  /** The content of a request; undefined: the store does not have it any more. */
  read(request: StoredRequest): Promise<Payload | undefined>;
}

/** A request is two entries: what is counted, read at the start for all of them, and the content, read to be sent. */
const headOf = (key: string) => `head/${key}`;
const bodyOf = (key: string) => `body/${key}`;
const deletionsOf = (key: string): readonly StoreChange[] => [
  { key: headOf(key), value: undefined },
  { key: bodyOf(key), value: undefined },
];
const pastHeads = 'head0'; // '0' comes after '/'

/** Heads read at once: some 100 bytes each. */
const page = 1000;

const sizeOf = ({ items, size }: Pick<StoredRequest, 'items' | 'size'>): Size => ({
  requests: 1,
  items,
  bytes: size,
});

const isSignal = perSignal(() => true);

/**
 * A queue that outlives the process, however it ends: a request is on disk before it is accepted, and until it is
 * delivered or lost. What an agent before has left is first; where the disk cannot be read at the start, it comes once it can.
 */
export async function openStoredQueue(options: StoredQueueOptions): Promise<StoredQueue> {
  const { store, room, now, onStored, onUnreadable } = options;
  const waiting: StoredRequest[] = [];
  let last = 0n;
  /** What an agent before has left is in the queue. Nothing is written before: it could have the same key. */
  let former: Promise<void> | undefined;
  let isDrained = false;
  /** Deliveries that the disk did not take note of yet. */
  let undeleted: readonly StoreChange[] = [];
  const running = new Set<Promise<unknown>>();

  const nextKey = () => {
    const time = now();
    last = time > last ? time : last + 1n;
    return `${last}`.padStart(20, '0');
  };

  /** Rejects where the disk cannot be read; the next call tries again. */
  function readFormer(): Promise<void> {
    former ??= addFormer().catch((error: unknown) => {
      former = undefined;
      throw error;
    });
    return former;
  }

  async function addFormer(): Promise<void> {
    const { requests: found, unreadable } = await readHeads(store);
    last = BigInt(found.at(-1)?.key ?? 0);
    if (isDrained) return; // they stay for the next process
    waiting.unshift(...found);
    for (const request of found) room.take(sizeOf(request));
    if (unreadable > 0) onUnreadable(unreadable);
  }

  function track<T>(work: Promise<T>): Promise<T> {
    running.add(work);
    return work.finally(() => running.delete(work));
  }

  async function apply(changes: readonly StoreChange[]): Promise<void> {
    const before = undeleted;
    undeleted = [];
    try {
      await track(store.apply([...before, ...changes]));
    } catch (error) {
      undeleted = [...undeleted, ...before, ...changes.filter(({ value }) => value === undefined)];
      throw error;
    }
  }

  const forget = (request: StoredRequest) => room.leave(sizeOf(request));

  /** On disk, or in memory where the disk does not take it. */
  async function stored(payload: Payload): Promise<StoredRequest> {
    const { bytes, ...rest } = payload;
    const head = { ...rest, size: bytes.length };
    let key = '';
    try {
      await track(readFormer());
      key = nextKey();
      await apply([
        { key: headOf(key), value: Buffer.from(JSON.stringify(head)) },
        { key: bodyOf(key), value: bytes },
      ]);
      onStored(undefined);
      return { ...head, key };
    } catch (error) {
      onStored(error);
      void appliedAfter(error).then((isApplied) => {
        if (isApplied) undeleted = [...undeleted, ...deletionsOf(key)]; // it is delivered from memory
      });
      return { ...head, key, payload };
    }
  }

  async function put(payload: Payload) {
    const entry = await room.enter(sizeOf({ items: payload.items, size: payload.bytes.length }));
    if (entry !== undefined && entry !== 'closed') return entry;
    const held = await stored(payload);
    if (!isDrained) {
      waiting.push(held);
      return undefined;
    }
    if (entry === undefined) forget(held);
    return held.payload ? ('shutdown' as const) : ('kept' as const);
  }

  await readFormer().catch(onStored);

  return {
    put,
    lease() {
      const request = waiting.shift();
      return (
        request && {
          request,
          release() {
            forget(request);
            if (request.payload) return;
            void apply(deletionsOf(request.key)).catch(() => {}); // the storage counts it, and the next change has it too
          },
          keep() {
            if (request.payload) return false;
            forget(request);
            return true;
          },
        }
      );
    },
    get size() {
      return room.requests;
    },
    drain() {
      isDrained = true;
      room.close();
      const left = waiting.splice(0);
      for (const request of left) forget(request);
      return left.filter(({ payload }) => payload);
    },
    async read({ key, payload, size: _, ...head }) {
      if (payload) return payload;
      const bytes = await store.get(bodyOf(key));
      return bytes && { ...head, bytes };
    },
    async close() {
      isDrained = true;
      await Promise.allSettled(running);
      if (undeleted.length > 0) await apply([]).catch(() => {}); // then it is sent once more by the next agent
      await store.close();
    },
  };
}

/** Whether a change was applied after it had been rejected. */
const appliedAfter = async (error: unknown): Promise<boolean> =>
  error instanceof Error && 'applied' in error && (await (error as LateChange).applied);

interface Heads {
  readonly requests: readonly StoredRequest[];
  readonly unreadable: number;
}

async function readHeads(store: Store): Promise<Heads> {
  const requests: StoredRequest[] = [];
  let unreadable = 0;
  for (let from = headOf(''); ; ) {
    const entries = await store.entries({ from, before: pastHeads, limit: page });
    for (const { key, value } of entries) {
      const request = parseHead(key.slice(headOf('').length), value);
      if (request) requests.push(request);
      else unreadable++;
    }
    const end = entries.at(-1);
    if (end === undefined || entries.length < page) return { requests, unreadable };
    from = `${end.key}\0`;
  }
}

const isEncoding = (value: unknown) => value === undefined || value === 'proto' || value === 'json';

function parseHead(key: string, value: Uint8Array): StoredRequest | undefined {
  try {
    const { signal, items, size, encoding } = JSON.parse(Buffer.from(value).toString());
    const isRequest = Object.hasOwn(isSignal, signal) && Number.isInteger(items) && Number.isInteger(size);
    const request = { signal, items, size, key, ...(encoding && { encoding }) };
    return isRequest && isEncoding(encoding) && /^\d{20}$/.test(key) ? request : undefined;
  } catch {
    return undefined; // another version's: it stays where it is
  }
}
