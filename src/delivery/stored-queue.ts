import type { Payload, Store, StoreChange } from '../component.ts';
import { perSignal } from '../telemetry/batch.ts';
import type { Queue, Request } from './queue.ts';

/** A request whose content is on disk; in memory alone where the disk does not take it. */
export interface StoredRequest extends Request {
  readonly size: number;
  readonly key: string;
  readonly payload?: Payload;
}

export interface StoredQueueOptions {
  readonly store: Store;
  readonly requests: number;
  /** Bytes of all requests. */
  readonly weight: number;
  /** Increases by itself from one agent to the next: names requests in their order. */
  now(): bigint;
  /** The disk does not take a request, or takes them again (undefined). */
  onStored(failure: unknown): void;
}

export interface StoredQueue extends Queue<StoredRequest, Payload> {
  /** The content of a request; undefined: the store does not have it any more. */
  read(request: StoredRequest): Promise<Payload | undefined>;
}

/** A request is two entries: what is counted, read at the start for all of them, and the content, read to be sent. */
const headOf = (key: string) => `head/${key}`;
const bodyOf = (key: string) => `body/${key}`;
const pastHeads = 'head0'; // '0' comes after '/'

/** Heads read at once: some 100 bytes each. */
const page = 1000;

const isSignal = perSignal(() => true);

/**
 * A queue that outlives the process, however it ends: a request is on disk before it is accepted, and until it is
 * delivered or lost. What an agent before has left is first.
 */
export async function openStoredQueue(options: StoredQueueOptions): Promise<StoredQueue> {
  const { store, requests, weight, now, onStored } = options;
  const waiting: StoredRequest[] = await readHeads(store).catch((error: unknown) => {
    onStored(error);
    return [];
  });
  let size = waiting.length;
  let load = waiting.reduce((sum, request) => sum + request.size, 0);
  let last = BigInt(waiting.at(-1)?.key ?? 0);
  let isDrained = false;
  /** Deliveries that the disk did not take note of yet. */
  let undeleted: readonly StoreChange[] = [];
  const running = new Set<Promise<unknown>>();

  const nextKey = () => {
    const time = now();
    last = time > last ? time : last + 1n;
    return `${last}`.padStart(20, '0');
  };

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

  const forget = ({ size: bytes }: StoredRequest) => {
    size -= 1;
    load -= bytes;
  };

  async function put(payload: Payload) {
    const { signal, items, bytes } = payload;
    if (size >= requests) return 'queue_full' as const;
    if (load + bytes.length > weight) return 'queue_bytes_full' as const;
    const key = nextKey();
    const request = { signal, items, size: bytes.length, key };
    size += 1;
    load += request.size;
    let held: StoredRequest = request;
    try {
      await apply([
        { key: headOf(key), value: Buffer.from(JSON.stringify({ signal, items, size: request.size })) },
        { key: bodyOf(key), value: bytes },
      ]);
      onStored(undefined);
    } catch (error) {
      onStored(error);
      held = { ...request, payload };
    }
    if (!isDrained) {
      waiting.push(held);
      return undefined;
    }
    forget(held);
    return held.payload ? ('shutdown' as const) : ('kept' as const);
  }

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
            const { key } = request;
            void apply([
              { key: headOf(key), value: undefined },
              { key: bodyOf(key), value: undefined },
            ]).catch(() => {}); // the storage counts it, and the next change has it too
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
      return size;
    },
    drain() {
      isDrained = true;
      const left = waiting.splice(0);
      for (const request of left) forget(request);
      return left.filter(({ payload }) => payload);
    },
    async read({ key, signal, items, payload }) {
      if (payload) return payload;
      const bytes = await store.get(bodyOf(key));
      return bytes && { signal, items, bytes };
    },
    async close() {
      await Promise.allSettled(running);
      if (undeleted.length > 0) await apply([]).catch(() => {}); // then it is sent once more by the next agent
      await store.close();
    },
  };
}

async function readHeads(store: Store): Promise<StoredRequest[]> {
  const requests: StoredRequest[] = [];
  for (let from = headOf(''); ; ) {
    const entries = await store.entries({ from, before: pastHeads, limit: page });
    for (const { key, value } of entries) {
      const request = parseHead(key.slice(headOf('').length), value);
      if (request) requests.push(request);
    }
    const end = entries.at(-1);
    if (end === undefined || entries.length < page) return requests;
    from = `${end.key}\0`;
  }
}

function parseHead(key: string, value: Uint8Array): StoredRequest | undefined {
  try {
    const { signal, items, size } = JSON.parse(Buffer.from(value).toString());
    const isRequest = Object.hasOwn(isSignal, signal) && Number.isInteger(items) && Number.isInteger(size);
    return isRequest && /^\d{20}$/.test(key) ? { signal, items, size, key } : undefined;
  } catch {
    return undefined; // another version's: it stays where it is
  }
}
